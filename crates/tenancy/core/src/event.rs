//! What the other services are told.

use crate::{account::Account, place::Place, settings::Settings};

/// A change of tenancy, told to the services that follow it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An account was made or changed. `created` names its first owner as well.
    Account {
        /// The account after the change.
        account: Account,
        /// Whether it was made by this change.
        created: bool,
    },
    /// An instance or workspace was made or changed.
    Place(Place),
    /// Settings were changed.
    Settings(Settings),
}
