//! Applies what the other services publish: places and settings of tenancy, users and service accounts of
//! identity. Applying twice changes nothing; a version that the stored one covers is skipped, and one of
//! another history of the service overwrites: a follower reads the present history only.

mod account;
mod person;
mod place;
mod service_account;
mod settings;

pub use account::{AccountTold, account_changed};
pub use person::{PersonTold, person_changed, person_gone};
pub use place::{PlaceTold, place_changed};
pub(crate) use service_account::keep_service_account;
pub use service_account::{service_account_changed, service_account_gone};
pub use settings::{SettingsTold, settings_changed};

use bailiwick_types::{AccountId, BindingId, IdGen, ScopeRoot, SourceVersion, Subject, Timestamp};
use serde_json::Map;

use crate::{Audit, Change, StoreError, Write, binding::Binding};

/// Why a change of another service cannot be applied, now or ever.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It does not fit what is there.
    #[error("{0}")]
    Content(String),
    /// The user was added to another account meanwhile: to be tried again.
    #[error("a concurrent change won")]
    Conflict,
    /// The store fails: to be tried again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How another service tells a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By an event of its feed.
    Event,
    /// In a snapshot, with which a follower begins a history.
    Snapshot,
}

/// Whether a closure holds on when a state is told: what was closed stays closed until its owner tells the
/// version that closes it. An event says nothing about a closure of another history, which may be one that
/// the follower has not reached; the snapshot that begins a history ends the closures of earlier ones.
fn outlives(closed: &SourceVersion, told: &SourceVersion, way: Way) -> bool {
    if closed.shares_history(told) {
        !told.covers(closed)
    } else {
        way == Way::Event
    }
}

/// The action under which the audit log shows what an event did.
const FEED: &str = "feed";

/// Gives a single-holder role as a scope comes into being.
pub(crate) async fn bind(
    write: &mut (impl Write + ?Sized),
    ids: &dyn IdGen,
    account: AccountId,
    (subject, role, scope): (&Subject, &str, &bailiwick_types::Scope),
    now: Timestamp,
) -> Result<(), StoreError> {
    let binding = Binding {
        id: BindingId::generate(ids),
        account,
        subject: subject.clone(),
        role: role.to_owned(),
        scope: scope.clone(),
        key: String::new(),
        parameters: Map::new(),
        expires_at: None,
        created_at: now,
        creator: None,
    };
    write.put_binding(&binding).await?;
    let root = ScopeRoot::Account(account);
    write.emit(root.clone(), Change::Subject(subject.clone()));
    let audit = Audit::new(None, FEED, scope.to_string())
        .with("subject", subject)
        .with("role", role);
    write.emit(root, audit.into());
    Ok(())
}

#[cfg(test)]
mod stage {
    use super::Refusal;
    use crate::{Unit as _, draft::Draft, memory::World};

    impl World {
        /// Applies what is told, and keeps it unless it is refused.
        pub(crate) async fn follow(
            &self,
            apply: impl AsyncFnOnce(&mut Draft) -> Result<(), Refusal>,
        ) -> Result<(), Refusal> {
            let mut unit = self.read();
            apply(&mut unit).await?;
            unit.commit().await?;
            Ok(())
        }
    }
}
