//! Invites somebody by e-mail with roles on a scope.

use bailiwick_policy::{
    Role,
    manifest::{Holders, MemberKind},
};
use bailiwick_types::{Email, InvitationId, method::authorization::CreateInvitation};
use serde_json::Map;

use super::{Invitation, LIFETIME, State, ensure_allowed, entry, put};
use crate::prelude::*;
use crate::request::Repeatable;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Create {
    /// The e-mail address.
    pub email: Email,
    /// The kind of member that whoever accepts it becomes.
    pub kind: MemberKind,
    /// The names of the roles, at least one.
    pub roles: Vec<String>,
    /// Where they are given.
    pub scope: Scope,
    /// The id that the client gave the request.
    pub request_id: Option<String>,
}

#[async_trait]
impl Operation for Create {
    type Method = CreateInvitation;
    type Output = Invitation;
    type Plan = ();

    fn scopes(&self) -> Vec<Scope> {
        vec![self.scope.clone()]
    }

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        may_invite(work, &self.roles, &self.scope)
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Invitation, Error> {
        let request = Repeatable {
            id: self.request_id.as_deref(),
            digest: format!(
                "{}\n{}\n{}\n{}",
                self.email.key(),
                self.kind.as_str(),
                self.roles.join(","),
                self.scope
            ),
        };
        if let Some(id) = request.made::<InvitationId>(work).await?
            && let Some(made) = work.unit.invitation(id).await?
        {
            return Ok(made);
        }
        ensure_open(work, &self.roles, &self.scope)?;
        ensure_allowed(work, &self.email)?;
        if is_pending(work, &self.email, &self.scope).await? {
            return Err(Error::Precondition(Precondition::AlreadyInvited));
        }
        work.ensure_seat(self.kind).await?;
        let made = make(work, &self.email, self.kind, &self.roles, &self.scope).await?;
        request.keep(work, made.id).await?;
        Ok(made)
    }
}

/// Refuses an actor that may not invite there, or could not assign each of the roles itself.
pub(super) fn may_invite(work: &Work, roles: &[String], scope: &Scope) -> Result<(), Error> {
    let role = |name: &String| {
        let role = work.situation.role_at(name, scope.level());
        role.ok_or_else(|| Unknown::RoleAt(name.clone()))
    };
    let roles: Vec<&Role> = roles.iter().map(role).collect::<Result<_, _>>()?;
    let mut faults = Violations::new();
    for (n, role) in roles.iter().enumerate() {
        let at = role.level(scope.level());
        if at.is_some_and(|at| at.read_parameters(&Map::new()).is_err()) {
            let rule = "has required parameters: assign it once the invitation is accepted";
            faults.add(format!("roles[{n}]"), rule);
        }
    }
    faults.check()?;
    work.require("user.invite", scope)?;
    if roles.iter().all(|role| work.may_assign(role, scope)) {
        Ok(())
    } else {
        Err(Refused::Denied.into())
    }
}

/// Refuses a scope that is not in use, and single-holder roles.
pub(super) fn ensure_open(work: &Work, roles: &[String], scope: &Scope) -> Result<(), Error> {
    work.ensure_active(scope)?;
    let has_single_holder = |name: &&String| {
        let role = work.situation.role_at(name, scope.level());
        role.is_some_and(|role| matches!(role.holders, Some(Holders::Exactly(_))))
    };
    match roles.iter().find(has_single_holder) {
        Some(role) => Err(Precondition::OwnershipIsTransferred { role: role.clone() }.into()),
        None => Ok(()),
    }
}

/// Whether an invitation to the address is pending there; an expired one is ended.
pub(super) async fn is_pending(work: &mut Work, email: &Email, scope: &Scope) -> Result<bool, StoreError> {
    let newest = work.unit.newest_invitation(&email.key(), scope).await?;
    let Some(mut old) = newest.filter(|old| old.state == State::Pending) else {
        return Ok(false);
    };
    if old.state_at(work.now) == State::Pending {
        return Ok(true);
    }
    old.end(State::Expired);
    put(work, &old).await?;
    Ok(false)
}

/// Makes an invitation.
pub(super) async fn make(
    work: &mut Work,
    email: &Email,
    kind: MemberKind,
    roles: &[String],
    scope: &Scope,
) -> Result<Invitation, StoreError> {
    let made = Invitation {
        id: InvitationId::generate(&*work.ids),
        account: work.account(),
        email: email.clone(),
        kind,
        roles: roles.to_vec(),
        generation: work.situation.policy.product().generation(),
        scope: scope.clone(),
        state: State::Pending,
        expires_at: work.now.plus(LIFETIME),
        created_at: work.now,
        creator: work.actor.subject.clone(),
        version: 1,
    };
    put(work, &made).await?;
    work.emit(entry(work, &made).with("roles", made.roles.join(",")));
    Ok(made)
}

#[cfg(test)]
pub(super) mod tests {
    use bailiwick_policy::PlaceState;

    use super::*;
    use crate::{
        Change,
        invitation::Reader,
        memory::{World, account, workspace},
    };

    /// An invitation of `userN@example.com` to the account.
    pub(in crate::invitation) fn invite(n: u128, role: &str) -> Create {
        Create {
            email: format!("user{n}@example.com").parse().unwrap(),
            kind: MemberKind::Agent,
            roles: vec![role.to_owned()],
            scope: account(),
            request_id: None,
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world
    }

    #[tokio::test]
    async fn an_invitation_is_stored_published_and_audited() {
        let world = world().await;
        let made = world.run(1, invite(2, "viewer")).await.unwrap();
        assert_eq!(made.expires_at, world.now().plus(LIFETIME));
        let told = world.told();
        let [Change::Invitation(new), Change::Audited(entry)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(*new, made);
        assert_eq!(
            entry.action,
            "bailiwick.authorization.v1.InvitationService/CreateInvitation"
        );
        assert_eq!(entry.details["roles"], "viewer");
        assert_eq!(entry.details["invitation"], made.id.to_string());
    }

    #[tokio::test]
    async fn callers_invite_only_with_roles_that_they_could_assign() {
        let world = world().await;
        world.member(2, "editor").await;
        for (by, roles) in [
            (1, &["editor"][..]),
            (1, &["viewer", "editor"]),
            (2, &["viewer"]),
            (3, &["viewer"]),
        ] {
            let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
            let with = Create {
                roles,
                ..invite(4, "")
            };
            let refused = world.run(by, with).await;
            assert!(matches!(refused, Err(Error::Refused(Refused::Denied))), "{by}");
        }
        assert!(world.told().is_empty());
    }

    #[tokio::test]
    async fn a_role_that_cannot_be_bound_there_is_unknown() {
        let world = world().await;
        let at_workspace = Create {
            scope: workspace(),
            ..invite(2, "admin")
        };
        for unknown in [invite(2, "pilot"), at_workspace] {
            let refused = world.run(1, unknown).await;
            assert!(matches!(refused, Err(Error::Unknown(Unknown::RoleAt(_)))));
        }
    }

    #[tokio::test]
    async fn a_single_holder_role_is_transferred_instead() {
        let world = world().await;
        let refused = world.operate(invite(2, "owner")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::OwnershipIsTransferred { .. }))
        ));
    }

    #[tokio::test]
    async fn a_suspended_or_deleted_scope_takes_no_invitations() {
        let world = world().await;
        let to_workspace = || Create {
            scope: workspace(),
            ..invite(2, "viewer")
        };
        world.workspace_is(PlaceState::Suspended).await;
        let refused = world.operate(to_workspace()).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
        world.workspace_is(PlaceState::Deleted).await;
        let refused = world.operate(to_workspace()).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
    }

    #[tokio::test]
    async fn the_address_must_be_in_an_allowed_domain() {
        let world = world().await;
        let allow = |domain: &str| ("allowed_domains".to_owned(), serde_json::json!([domain]));
        world
            .change_account(|account| account.settings.extend([allow("acme.example")]))
            .await;
        let refused = world.run(1, invite(2, "viewer")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::DomainNotAllowed))
        ));
        world
            .change_account(|account| account.settings.extend([allow("EXAMPLE.com")]))
            .await;
        world.run(1, invite(2, "viewer")).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_has_one_pending_invitation_until_that_expires() {
        let world = world().await;
        let old = world.run(1, invite(2, "viewer")).await.unwrap();
        let again = Create {
            email: "USER2@example.com".parse().unwrap(),
            ..invite(2, "viewer")
        };
        let refused = world.run(1, again.clone()).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::AlreadyInvited))
        ));
        world.clock.advance(LIFETIME);
        world.run(1, again).await.unwrap();
        let old = world.read().invitation(old.id).await.unwrap().unwrap();
        assert_eq!((old.state, old.version), (State::Expired, 2));
    }

    #[tokio::test]
    async fn an_invitation_needs_a_free_seat() {
        let world = world().await;
        world.change_account(|account| account.seats = 1).await;
        let refused = world.run(1, invite(2, "viewer")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NoFreeSeat(1)))
        ));
    }

    #[tokio::test]
    async fn a_repeated_request_gets_the_same_answer() {
        let world = world().await;
        let first = Create {
            request_id: Some("1".to_owned()),
            ..invite(2, "viewer")
        };
        let made = world.run(1, first.clone()).await.unwrap();
        assert_eq!(world.run(1, first.clone()).await.unwrap(), made);
        assert_eq!(world.told().len(), 2);
        let other = Create {
            email: "user3@example.com".parse().unwrap(),
            ..first.clone()
        };
        let refused = world.run(1, other).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::RequestIdReused))
        ));
        world.member(2, "viewer").await;
        let refused = world.run(2, first).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }
}
