//! The states of a place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The state of an account, instance or workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// In use.
    Active,
    /// Nothing is allowed in it.
    Suspended,
    /// Moving to another account; nothing is allowed in it.
    Moving,
    /// Deleted.
    Deleted,
}

impl State {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Active, Self::Suspended, Self::Moving, Self::Deleted];
    /// Its name in messages and in the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Moving => "moving",
            Self::Deleted => "deleted",
        }
    }
    /// Whether it is deleted.
    #[must_use]
    pub fn is_deleted(self) -> bool {
        self == Self::Deleted
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
