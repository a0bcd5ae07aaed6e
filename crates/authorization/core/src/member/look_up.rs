//! Tells identity whether a user is an active member, when it signs in.

use bailiwick_types::{Authorized, method::authorization::LookUpMember};

use crate::Ports;
use crate::prelude::*;

/// Whether the user is an active member of an active account, and not disabled.
///
/// # Errors
/// The store fails.
pub async fn look_up(ports: &Ports, by: &Authorized<LookUpMember>, user: UserId) -> Result<bool, StoreError> {
    let Some(access) = by.account() else {
        return Ok(false);
    };
    let now = ports.clock.now();
    let read = ports.store.read(access).await?;
    let account = read.account().await?;
    let is_open = account.is_some_and(|account| account.state.is_open());
    Ok(is_open && super::active(&*read, user, now).await?.is_some())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_policy::{MemberState, PlaceState};
    use bailiwick_testkit::witness;
    use bailiwick_types::{Target, method::authorization::LookUpMember};

    use super::*;
    use crate::{
        member::Member,
        memory::{World, account_id, user},
    };

    async fn is_active(world: &World, n: u128) -> bool {
        let caller = witness::peer_of::<LookUpMember>();
        let by = witness::authorized(&caller, &Target::account(account_id()), false);
        look_up(&world.ports, &by, user(n)).await.unwrap()
    }

    #[tokio::test]
    async fn members_are_active_until_they_are_suspended_end_or_are_disabled() {
        let world = World::new().await;
        world.member(1, "").await;
        world.person(2).await;
        assert!(is_active(&world, 1).await);
        assert!(!is_active(&world, 2).await);
        assert!(!is_active(&world, 3).await);
        let member = world.membership(1).await.unwrap();
        let suspended = Member {
            state: MemberState::Suspended,
            ..member
        };
        world.put_member(suspended).await;
        assert!(!is_active(&world, 1).await);
        let end = world.now().plus(Duration::from_mins(1));
        let ending = Member {
            expires_at: Some(end),
            ..member
        };
        world.put_member(ending).await;
        assert!(is_active(&world, 1).await);
        world.clock.advance(Duration::from_mins(1));
        assert!(!is_active(&world, 1).await);
        world.put_member(member).await;
        world.disable(1).await;
        assert!(!is_active(&world, 1).await);
    }

    #[tokio::test]
    async fn nobody_is_active_in_a_suspended_account() {
        let world = World::new().await;
        world.member(1, "").await;
        world
            .change_account(|account| account.state = PlaceState::Suspended)
            .await;
        assert!(!is_active(&world, 1).await);
    }
}
