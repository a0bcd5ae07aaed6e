//! How many places one account may have at most. Counted in the transaction that makes one, after every other
//! check.

use bailiwick_types::{Exhausted, Level, StoreError, faults};

use crate::store::Write;

bailiwick_types::limits! {
    /// How many places one account may have at most; deleted ones do not count. An account that has more
    /// already, because a limit was lowered, keeps them.
    #[schemars(rename = "PlaceLimits")]
    Limits {
        /// Instances.
        instances = 50_000,
        /// Workspaces, in the account and in all its instances.
        workspaces = 500_000,
    }
}

faults! {
    /// Why no further place is made.
    Error: Exhausted(Exhausted), Store(StoreError);
}

/// Refuses another place where the account has as many as it may have.
pub(crate) async fn check(write: &mut dyn Write, limits: &Limits, level: Level) -> Result<(), Error> {
    let limit = if level == Level::Instance {
        limits.instances()
    } else {
        limits.workspaces()
    };
    Ok(limit.check(write.count_places(level).await?.saturating_add(1))?)
}
