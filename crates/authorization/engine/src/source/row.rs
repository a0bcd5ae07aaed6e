//! Rows of the outbox, as a replica applies them.

use bailiwick_policy::Place;
use bailiwick_types::{AccountId, ProductName};

use crate::parts::PartKey;

/// What has revisions of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Root {
    /// The deployment.
    Deployment,
    /// A product.
    Product(ProductName),
    /// An account.
    Account(AccountId),
}

/// One revision of a root with all its changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The root that changed.
    pub root: Root,
    /// Its revision since then.
    pub revision: u64,
    /// The stamp of that revision.
    pub stamp: i64,
    /// The stamp of the revision before it.
    pub stamp_before: i64,
    /// The changes that decisions depend on.
    pub events: Vec<Event>,
}

/// A change that decisions depend on.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A set or resource changed: it has to be read again.
    Part(PartKey),
    /// A place was added, moved, or changed its state.
    Place(Place),
    /// The account itself changed its state.
    AccountState(bailiwick_policy::PlaceState),
    /// Roles, settings, bindings of the root or its manifest changed: they have to be read again.
    Content,
    /// Bytes that this build cannot read: they cannot be applied.
    Unreadable,
}

impl Row {
    /// Whether the row changes what is kept as a whole.
    pub(crate) fn has_content(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Content))
    }
}
