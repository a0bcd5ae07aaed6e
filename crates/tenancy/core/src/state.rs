//! The states of a place.

use serde::{Deserialize, Serialize};

bailiwick_types::words! {
    /// The state of an account, instance or workspace.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum State {
        /// In use.
        Active = "active",
        /// Nothing is allowed in it.
        Suspended = "suspended",
        /// Moving to another account; nothing is allowed in it.
        Moving = "moving",
        /// Deleted.
        Deleted = "deleted",
        /// Of an account: nothing is allowed in it but what the product's manifest names.
        Restricted = "restricted",
    }
}

impl State {
    /// Whether something is allowed in it.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Active | Self::Restricted)
    }
}
