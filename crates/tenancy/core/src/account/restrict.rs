//! Ends all access in an account but what its product keeps, in authorization first.

use bailiwick_types::{Authorized, Refused, Token, method::tenancy::RestrictAccount};

use super::{Account, suspend};
use crate::{State, Tenancy};

pub use super::suspend::Error;

/// Restricts the account: commits the intent, tells authorization, commits the change. In between nothing is
/// allowed in the account.
///
/// # Errors
/// See [`Error`]. After [`Error::Finish`] the worker finishes the restriction.
pub async fn run(tenancy: &Tenancy, by: &Authorized<RestrictAccount>) -> Result<(Account, Token), Error> {
    let handle = by.account_write().ok_or(Refused::Denied)?;
    suspend::close(tenancy, handle, State::Restricted, by.subject()).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Precondition,
        account::reactivate,
        closing::FinishError,
        memory::{self, World},
    };

    async fn restrict(world: &World) -> Result<Account, Error> {
        run(&world.tenancy, &memory::operator())
            .await
            .map(|(account, _)| account)
    }

    async fn suspend(world: &World) -> Result<Account, Error> {
        let suspended = suspend::run(&world.tenancy, &memory::operator()).await;
        suspended.map(|(account, _)| account)
    }

    #[tokio::test]
    async fn a_restricted_account_was_closed_first_and_is_reactivated_or_suspended() {
        let world = World::new();
        let scope = world.account().scope();
        assert_eq!(restrict(&world).await.unwrap().state, State::Restricted);
        assert_eq!(world.closed(), [(scope.clone(), 2, false)]);
        assert_eq!(suspend(&world).await.unwrap().state, State::Suspended);
        let active = reactivate::run(&world.tenancy, &memory::operator())
            .await
            .unwrap()
            .0;
        assert_eq!((active.state, active.version), (State::Active, 4));
        restrict(&world).await.unwrap();
        let active = reactivate::run(&world.tenancy, &memory::operator())
            .await
            .unwrap()
            .0;
        assert_eq!(active.state, State::Active);
    }

    #[tokio::test]
    async fn a_restricted_or_suspended_account_is_not_restricted() {
        for state in [State::Restricted, State::Suspended] {
            let world = World::new();
            world.account_with(|account| account.state = state);
            let refused = restrict(&world).await;
            let is_not_active = matches!(refused, Err(Error::Precondition(Precondition::NotActive { .. })));
            assert!(
                is_not_active && world.closed().is_empty(),
                "{state:?}: {refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_restriction_does_not_finish_a_suspension_that_was_begun() {
        let world = World::new();
        world.account();
        world.authorization_is_away(true);
        assert!(matches!(
            suspend(&world).await,
            Err(Error::Finish(FinishError::Peer(_)))
        ));
        world.authorization_is_away(false);
        let refused = restrict(&world).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        assert_eq!(suspend(&world).await.unwrap().state, State::Suspended);
    }
}
