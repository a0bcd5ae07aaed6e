//! Tells identity whether a user is an active member, when it signs in.

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, Authorized, UserId};

use crate::{Ports, person::PersonState};

bailiwick_types::faults! {
    /// Why it cannot be told.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
}

/// Whether the user is an active member of an active account, and not disabled.
///
/// # Errors
/// See [`Error`].
pub async fn execute(
    ports: &Ports,
    by: &Authorized,
    account: AccountId,
    user: UserId,
) -> Result<bool, Error> {
    let Some(access) = by.reads(account) else {
        return Ok(false);
    };
    let now = ports.clock.now();
    let read = ports.store.read(access).await?;
    let open = read
        .account()
        .await?
        .is_some_and(|account| account.state == PlaceState::Active);
    let member = read
        .member(user)
        .await?
        .is_some_and(|member| member.is_active(now));
    let person = read
        .person(user)
        .await?
        .is_none_or(|person| person.state == PersonState::Active);
    Ok(open && member && person)
}
