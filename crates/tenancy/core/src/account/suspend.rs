//! Ends all access in an account, in authorization first.

use bailiwick_types::{
    AccountWrite, Authorized, Refused, StoreError, Subject, Token, faults, method::tenancy::SuspendAccount,
};

use super::{Account, MISSING};
use crate::{
    Precondition, State, Tenancy,
    closing::{self, Closing, FinishError},
};

faults! {
    /// Why an account is not suspended.
    Error: Refused(Refused), Precondition(Precondition), Finish(FinishError), Store(StoreError);
}

/// Suspends the account: commits the intent, tells authorization, commits the change.
///
/// # Errors
/// See [`Error`]. After [`Error::Finish`] the worker finishes the suspension.
pub async fn run(tenancy: &Tenancy, by: &Authorized<SuspendAccount>) -> Result<(Account, Token), Error> {
    let handle = by.account_write().ok_or(Refused::Denied)?;
    close(tenancy, handle, State::Suspended, by.subject()).await
}

/// Takes access in the account away, until it has the state.
pub(super) async fn close(
    tenancy: &Tenancy,
    handle: AccountWrite,
    to: State,
    actor: Option<&Subject>,
) -> Result<(Account, Token), Error> {
    let closing = begin(tenancy, handle, to, actor).await?;
    let token = closing::finish(tenancy, handle, &closing).await?;
    let mut read = tenancy.store.read(handle.read()).await?;
    let account = read.find_account().await?.ok_or(MISSING)?;
    Ok((account, token))
}

async fn begin(
    tenancy: &Tenancy,
    handle: AccountWrite,
    to: State,
    actor: Option<&Subject>,
) -> Result<Closing, Error> {
    let mut write = tenancy.store.write(handle).await?;
    let mut account = write.find_account().await?.ok_or(MISSING)?;
    // A repeated call goes on with what the first one began.
    let begun = write.find_closing(&account.scope()).await?;
    if let Some(closing) = begun.filter(|closing| closing.to == to) {
        return Ok(closing);
    }
    account.ensure_active()?;
    if account.state == to {
        let (scope, state) = (account.scope(), to.as_str());
        return Err(Precondition::NotActive { scope, state }.into());
    }
    let closing = Closing {
        account: account.id,
        scope: account.scope(),
        version: account.version + 1,
        to,
        begun: tenancy.clock.now(),
        actor: actor.cloned(),
    };
    account.closing = true;
    write.update_account(&account).await?;
    write.insert_closing(&closing).await?;
    write.commit().await?;
    Ok(closing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{self, World},
        peer::PeerError,
    };

    async fn suspend(world: &World) -> Result<(Account, Token), Error> {
        run(&world.tenancy, &memory::operator()).await
    }

    #[tokio::test]
    async fn authorization_is_told_the_version_that_the_suspension_commits() {
        let world = World::new();
        world.account();
        let (account, _) = suspend(&world).await.unwrap();
        assert_eq!((account.state, account.version), (State::Suspended, 2));
        assert_eq!(world.closed(), [(account.scope(), 2, false)]);
    }

    #[tokio::test]
    async fn an_account_that_is_not_active_is_not_suspended() {
        let world = World::new();
        world.account_with(|account| account.state = State::Suspended);
        let refused = suspend(&world).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        assert!(world.closed().is_empty());
    }

    #[tokio::test]
    async fn a_suspension_that_authorization_did_not_take_goes_on_with_the_next_call() {
        let world = World::new();
        world.account();
        world.authorization_is_away(true);
        let refused = suspend(&world).await;
        assert!(matches!(
            refused,
            Err(Error::Finish(FinishError::Peer(PeerError::Unavailable(_))))
        ));
        world.authorization_is_away(false);
        assert_eq!(suspend(&world).await.unwrap().0.version, 2);
    }

    #[tokio::test]
    async fn a_missing_account_is_not_found() {
        let refused = suspend(&World::new()).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("account")))
        ));
    }
}
