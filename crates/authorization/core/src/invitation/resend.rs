//! Sends a pending invitation again: its lifetime starts again.

use bailiwick_types::{InvitationId, method::authorization::ResendInvitation};

use super::{Invitation, LIFETIME, ensure_allowed, entry, manageable, put};
use crate::prelude::*;

/// What is asked. Followers of the feed mail an invitation at every new version.
#[derive(Debug, Clone)]
pub struct Resend {
    /// The invitation.
    pub invitation: InvitationId,
}

#[async_trait]
impl Operation for Resend {
    type Method = ResendInvitation;
    type Output = Invitation;
    type Plan = Invitation;

    async fn permit(&self, work: &mut Work) -> Result<Invitation, Error> {
        manageable(work, self.invitation).await
    }

    async fn apply(self, mut found: Invitation, work: &mut Work) -> Result<Invitation, Error> {
        found.ensure_pending(work.now)?;
        work.ensure_active(&found.scope)?;
        ensure_allowed(work, &found.email)?;
        found.expires_at = work.now.plus(LIFETIME);
        found.version += 1;
        put(work, &found).await?;
        work.emit(entry(work, &found));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bailiwick_policy::PlaceState;

    use super::*;
    use crate::{
        invitation::create::{Create, tests::invite},
        memory::{World, workspace},
    };

    fn resend(invitation: &Invitation) -> Resend {
        Resend {
            invitation: invitation.id,
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world
    }

    #[tokio::test]
    async fn the_lifetime_starts_again() {
        let world = world().await;
        let made = world.run(1, invite(2, "viewer")).await.unwrap();
        world.clock.advance(Duration::from_hours(24));
        let sent = world.run(1, resend(&made)).await.unwrap();
        assert_eq!(sent.expires_at, world.now().plus(LIFETIME));
        assert_eq!(sent.version, 2);
    }

    #[tokio::test]
    async fn only_callers_who_could_make_an_invitation_resend_it() {
        let world = world().await;
        world.member(2, "editor").await;
        let made = world.operate(invite(3, "editor")).await.unwrap();
        for by in [1, 2] {
            let refused = world.run(by, resend(&made)).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{by}");
        }
        let unknown = Resend {
            invitation: InvitationId::generate(&*world.ports.ids),
        };
        let refused = world.run(1, unknown).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("invitation")))
        ));
    }

    #[tokio::test]
    async fn an_expired_invitation_is_not_sent_again() {
        let world = world().await;
        let made = world.run(1, invite(2, "viewer")).await.unwrap();
        world.clock.advance(LIFETIME);
        let refused = world.run(1, resend(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::InvitationNotPending))
        ));
    }

    #[tokio::test]
    async fn the_scope_must_be_active_and_the_domain_still_allowed() {
        let world = world().await;
        let to_workspace = Create {
            scope: workspace(),
            ..invite(2, "viewer")
        };
        let made = world.run(1, to_workspace).await.unwrap();
        let allowed = ("allowed_domains".to_owned(), serde_json::json!(["acme.example"]));
        world
            .change_account(|account| account.settings.extend([allowed]))
            .await;
        let refused = world.run(1, resend(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::DomainNotAllowed))
        ));
        world.workspace_is(PlaceState::Suspended).await;
        let refused = world.operate(resend(&made)).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        world.workspace_is(PlaceState::Deleted).await;
        let refused = world.operate(resend(&made)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
    }
}
