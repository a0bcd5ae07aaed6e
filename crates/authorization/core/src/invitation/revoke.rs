//! Revokes a pending invitation.

use bailiwick_types::{InvitationId, method::authorization::RevokeInvitation};

use super::{Invitation, State, entry, manageable, put};
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Revoke {
    /// The invitation.
    pub invitation: InvitationId,
}

#[async_trait]
impl Operation for Revoke {
    type Method = RevokeInvitation;
    type Output = Invitation;
    type Plan = Invitation;

    async fn permit(&self, work: &mut Work) -> Result<Invitation, Error> {
        manageable(work, self.invitation).await
    }

    async fn apply(self, mut found: Invitation, work: &mut Work) -> Result<Invitation, Error> {
        found.ensure_pending(work.now)?;
        found.end(State::Revoked);
        put(work, &found).await?;
        work.emit(entry(work, &found));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        invitation::{LIFETIME, create::tests::invite},
        memory::World,
    };

    fn revoke(invitation: &Invitation) -> Revoke {
        Revoke {
            invitation: invitation.id,
        }
    }

    #[tokio::test]
    async fn only_callers_who_could_make_an_invitation_revoke_it() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "manager").await;
        world.member(3, "editor").await;
        let of_editors = world.run(1, invite(4, "editor")).await.unwrap();
        let of_viewers = world.run(1, invite(5, "viewer")).await.unwrap();
        for (by, invitation) in [(2, &of_editors), (3, &of_viewers)] {
            let refused = world.run(by, revoke(invitation)).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{by}");
        }
        let revoked = world.run(2, revoke(&of_viewers)).await.unwrap();
        assert_eq!((revoked.state, revoked.version), (State::Revoked, 2));
    }

    #[tokio::test]
    async fn only_callers_who_may_invite_learn_that_an_invitation_does_not_exist() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        let unknown = || Revoke {
            invitation: InvitationId::generate(&*world.ports.ids),
        };
        let refused = world.run(1, unknown()).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("invitation")))
        ));
        let refused = world.run(2, unknown()).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn only_pending_invitations_are_revoked() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let revoked = world.run(1, invite(2, "viewer")).await.unwrap();
        world.run(1, revoke(&revoked)).await.unwrap();
        let expired = world.run(1, invite(3, "viewer")).await.unwrap();
        world.clock.advance(LIFETIME);
        for invitation in [&revoked, &expired] {
            let refused = world.run(1, revoke(invitation)).await;
            assert!(matches!(
                refused,
                Err(Error::Precondition(Precondition::InvitationNotPending))
            ));
        }
    }
}
