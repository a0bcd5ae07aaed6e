//! Rows of the outbox as a replica applies them.

use bailiwick_policy::Place;
use bailiwick_types::{AccountId, ProductName};

use crate::cache::PartKey;

/// What counts up a revision of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Root {
    /// The deployment.
    Deployment,
    /// A product.
    Product(ProductName),
    /// An account.
    Account(AccountId),
}

/// One revision of a root with all that it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What changed.
    pub root: Root,
    /// Its revision since.
    pub revision: u64,
    /// What changed in it, as far as decisions depend on it.
    pub events: Vec<Event>,
}

/// A change that decisions depend on.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A set or resource is to be read anew.
    Part(PartKey),
    /// A place was put in, moved or given another state.
    Place(Place),
    /// The account itself has another state.
    AccountState(bailiwick_policy::PlaceState),
    /// Roles, settings, bindings of the root or its manifest are to be read anew.
    Content,
    /// Bytes that this build cannot read: whoever has to apply them cannot go on.
    Unreadable,
}

impl Row {
    /// Whether the row says that something is to be read anew that is kept whole.
    pub(crate) fn has_content(&self) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Content))
    }
}
