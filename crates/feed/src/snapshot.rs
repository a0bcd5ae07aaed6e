//! The current state of a service as changes.

use std::collections::HashSet;

use async_trait::async_trait;
use bailiwick_proto::events::v1::change::Change;
use bailiwick_sql::follow::Thing;
use bailiwick_types::ScopeRoot;

/// A page of the current state.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SnapshotPage {
    /// The state, as the changes that lead to it.
    pub changes: Vec<Change>,
    /// The roots of the state, with the revision that each had when it was read.
    pub revisions: Vec<(ScopeRoot, u64)>,
    /// Where the next page begins; none on the last.
    pub next: Option<String>,
}

/// Reads the current state of a service in pages, each in a short transaction. Each service's store has one.
#[async_trait]
pub trait SnapshotSource: Send + Sync + 'static {
    /// The page that begins at `from`: [`SnapshotPage::next`] of the page before, none for the first. What
    /// exists during the whole read is on exactly one page.
    ///
    /// # Errors
    /// The database fails.
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, bailiwick_sql::Error>;
    /// What ended so shortly before that its tokens may not have expired: a part of the state that a process
    /// which authenticates begins with. Only identity has any.
    ///
    /// # Errors
    /// The database fails.
    async fn recently_ended(&self) -> Result<Vec<Change>, bailiwick_sql::Error> {
        Ok(Vec::new())
    }
}

/// Tells which things a service has: what followers keep is compared with it.
#[async_trait]
pub trait Known: SnapshotSource {
    /// Those of these things that the service has, in whatever state. It has none that others own.
    ///
    /// # Errors
    /// The database fails.
    async fn known(&self, things: &[Thing]) -> Result<HashSet<Thing>, bailiwick_sql::Error>;
}
