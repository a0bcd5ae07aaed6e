//! Changes that other services follow.

use bailiwick_types::AccountId;

use crate::{account::Account, place::Place, settings::Settings};

/// A change of tenancy, published to the services that follow it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An account was created or changed. `created` publishes its first owner as well.
    Account {
        /// The account after the change.
        account: Account,
        /// Whether this change created it.
        created: bool,
    },
    /// An instance or workspace was created or changed.
    Place(Place),
    /// Settings were changed.
    Settings(Settings),
}

impl Event {
    /// The account under whose root it is published.
    #[must_use]
    pub fn account(&self) -> AccountId {
        match self {
            Self::Account { account, .. } => account.id,
            Self::Place(place) => place.account,
            Self::Settings(settings) => settings.account,
        }
    }
}
