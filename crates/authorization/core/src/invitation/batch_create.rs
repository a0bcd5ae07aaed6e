//! Invites several people with the same roles on a scope: all of them, or none.

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{Code, Email, Reason, method::authorization::BatchCreateInvitations};

use super::{
    Invitation,
    create::{ensure_open, is_pending, make, may_invite},
    is_allowed,
};
use crate::prelude::*;
use crate::{batch::Items, seat};

/// What is asked.
#[derive(Debug, Clone)]
pub struct BatchCreate {
    /// The e-mail addresses, each once.
    pub emails: Vec<Email>,
    /// The kind of member that whoever accepts becomes.
    pub kind: MemberKind,
    /// The names of the roles, at least one.
    pub roles: Vec<String>,
    /// Where they are given.
    pub scope: Scope,
}

#[async_trait]
impl Operation for BatchCreate {
    type Method = BatchCreateInvitations;
    type Output = Vec<Invitation>;
    type Plan = ();

    fn scopes(&self) -> Vec<Scope> {
        vec![self.scope.clone()]
    }

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        may_invite(work, &self.roles, &self.scope)
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Vec<Invitation>, Error> {
        ensure_open(work, &self.roles, &self.scope)?;
        self.check_domains(work)?;
        self.check_pending(work).await?;
        self.check_seats(work).await?;
        let mut made = Vec::with_capacity(self.emails.len());
        for email in &self.emails {
            made.push(make(work, email, self.kind, &self.roles, &self.scope).await?);
        }
        Ok(made)
    }
}

impl BatchCreate {
    fn check_domains(&self, work: &Work) -> Result<(), Error> {
        let mut faults = Violations::new();
        for (n, email) in self.emails.iter().enumerate() {
            if !is_allowed(work, email) {
                let rule = "must be in one of the account's allowed domains";
                faults.add(format!("emails[{n}]"), rule);
            }
        }
        check(faults, Code::FailedPrecondition, Reason::DomainNotAllowed)
    }
    async fn check_pending(&self, work: &mut Work) -> Result<(), Error> {
        let mut faults = Violations::new();
        for (n, email) in self.emails.iter().enumerate() {
            if is_pending(work, email, &self.scope).await? {
                faults.add(format!("emails[{n}]"), "must not be invited there already");
            }
        }
        check(faults, Code::AlreadyExists, Reason::AlreadyExists)
    }
    /// As many seats have to be free as people are invited.
    async fn check_seats(&self, work: &Work) -> Result<(), Error> {
        let seats = seat::count(&*work.unit, &work.situation.account, work.now).await?;
        let mut faults = Violations::new();
        if let Some(limit) = seats.limit.filter(|_| self.kind == MemberKind::Agent) {
            let free = limit.saturating_sub(seats.used + seats.ending);
            for n in usize::try_from(free).unwrap_or(usize::MAX)..self.emails.len() {
                let rule = format!("must have a seat, and {free} are free");
                faults.add(format!("emails[{n}]"), rule);
            }
        }
        check(faults, Code::ResourceExhausted, Reason::NoFreeSeat)
    }
}

fn check(faults: Violations, code: Code, reason: Reason) -> Result<(), Error> {
    Ok(Items::check(faults, (code, reason))?)
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;
    use bailiwick_types::Fault;

    use super::*;
    use crate::{
        invitation::{Reader, create::tests::invite},
        memory::{World, account, workspace},
    };

    fn batch(ns: &[u128], role: &str) -> BatchCreate {
        BatchCreate {
            emails: ns
                .iter()
                .map(|n| format!("user{n}@example.com").parse().unwrap())
                .collect(),
            kind: MemberKind::Agent,
            roles: vec![role.to_owned()],
            scope: account(),
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world
    }

    async fn refused(world: &World, batch: BatchCreate) -> (Code, Reason, Vec<String>) {
        let error = world.run(1, batch).await.unwrap_err();
        let fields = error.violations().iter().map(|fault| fault.field.clone());
        (error.code(), error.reason(), fields.collect())
    }

    #[tokio::test]
    async fn all_are_invited_and_a_preview_invites_nobody() {
        let world = world().await;
        let effects = world.preview(1, batch(&[2, 3], "viewer")).await.unwrap();
        assert!(effects.is_empty() && world.told().is_empty());
        let made = world.run(1, batch(&[2, 3], "viewer")).await.unwrap();
        let emails: Vec<&str> = made.iter().map(|one| one.email.as_str()).collect();
        assert_eq!(emails, ["user2@example.com", "user3@example.com"]);
        let kept = world.read().invitations(None, None, 10).await.unwrap();
        assert_eq!(kept.len(), 2);
    }

    #[tokio::test]
    async fn callers_invite_only_with_roles_that_they_could_assign() {
        let world = world().await;
        for (by, role) in [(1, "editor"), (2, "viewer")] {
            let refused = world.preview(by, batch(&[3], role)).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{by} {role}"
            );
        }
        let refused = world.run(1, batch(&[3], "pilot")).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::RoleAt(_)))));
    }

    #[tokio::test]
    async fn the_scope_must_be_active_and_single_holder_roles_are_refused() {
        let world = world().await;
        let refused = world.operate(batch(&[2], "owner")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::OwnershipIsTransferred { .. }))
        ));
        let to_workspace = || BatchCreate {
            scope: workspace(),
            ..batch(&[2], "viewer")
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
    async fn every_address_at_fault_is_listed_and_nobody_is_invited() {
        let world = world().await;
        world.run(1, invite(3, "viewer")).await.unwrap();
        world.change_account(|account| account.seats = 2).await;
        let before = world.told().len();
        let mut elsewhere = batch(&[2, 3], "viewer");
        elsewhere.emails.push("user4@other.example".parse().unwrap());
        let allowed = ("allowed_domains".to_owned(), serde_json::json!(["example.com"]));
        world
            .change_account(|account| account.settings.extend([allowed]))
            .await;
        let fields = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(
            refused(&world, elsewhere).await,
            (
                Code::FailedPrecondition,
                Reason::DomainNotAllowed,
                fields(&["emails[2]"])
            )
        );
        assert_eq!(
            refused(&world, batch(&[2, 3, 4], "viewer")).await,
            (Code::AlreadyExists, Reason::AlreadyExists, fields(&["emails[1]"]))
        );
        assert_eq!(
            refused(&world, batch(&[2, 4, 5], "viewer")).await,
            (
                Code::ResourceExhausted,
                Reason::NoFreeSeat,
                fields(&["emails[1]", "emails[2]"])
            )
        );
        assert_eq!(world.told().len(), before);
    }
}
