//! Restores access in a suspended or restricted account.

use bailiwick_types::{Authorized, Refused, StoreError, Token, faults, method::tenancy::ReactivateAccount};

use super::{Account, MISSING};
use crate::{Event, Precondition, State, Tenancy, audit::Record};

faults! {
    /// Why an account is not reactivated.
    Error: Refused(Refused), Precondition(Precondition), Store(StoreError);
    /// It is neither suspended nor restricted.
    NotSuspended "the account is neither suspended nor restricted" => FailedPrecondition Conflict;
}

/// Reactivates the account. Authorization learns of it by the feed: access may begin late, but never end
/// late.
///
/// # Errors
/// See [`Error`].
pub async fn run(tenancy: &Tenancy, by: &Authorized<ReactivateAccount>) -> Result<(Account, Token), Error> {
    let handle = by.account_write().ok_or(Refused::Denied)?;
    let mut write = tenancy.store.write(handle).await?;
    let mut account = write.find_account().await?.ok_or(MISSING)?;
    account.ensure_settled()?;
    if !matches!(account.state, State::Suspended | State::Restricted) {
        return Err(Error::NotSuspended);
    }
    let record = Record::of(by, account.scope());
    let record = record.changed("state", &account.state.as_str(), &State::Active.as_str());
    account.state = State::Active;
    account.touch(tenancy.clock.now());
    write.update_account(&account).await?;
    write.emit(Event::Account {
        account: account.clone(),
        created: false,
    });
    write.audit(record);
    let token = write.commit().await?;
    Ok((account, token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{self, World};

    async fn reactivate(world: &World) -> Result<(Account, Token), Error> {
        run(&world.tenancy, &memory::operator()).await
    }

    #[tokio::test]
    async fn a_suspended_account_becomes_active() {
        let world = World::new();
        world.account_with(|account| account.state = State::Suspended);
        let (account, _) = reactivate(&world).await.unwrap();
        assert_eq!((account.state, account.version), (State::Active, 2));
    }

    #[tokio::test]
    async fn an_account_that_is_not_suspended_is_not_reactivated() {
        let world = World::new();
        world.account();
        assert!(matches!(reactivate(&world).await, Err(Error::NotSuspended)));
    }

    #[tokio::test]
    async fn an_account_that_is_being_closed_is_not_reactivated() {
        let world = World::new();
        world.account_with(|account| account.closing = true);
        let refused = reactivate(&world).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
    }

    #[tokio::test]
    async fn a_missing_account_is_not_found() {
        let refused = reactivate(&World::new()).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }
}
