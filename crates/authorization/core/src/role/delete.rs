//! Deletes a role that the account has defined and that nobody has.

use bailiwick_policy::{CustomRole, RoleNo};
use bailiwick_types::method::authorization::DeleteRole;

use super::{changed, custom_roles};
use crate::prelude::*;

/// What is asked. A preview has no effects: a role without bindings gives nobody anything.
#[derive(Debug, Clone)]
pub struct Delete {
    /// The name of the role.
    pub role: String,
}

#[async_trait]
impl Operation for Delete {
    type Method = DeleteRole;
    type Output = ();
    type Plan = RoleNo;

    async fn permit(&self, work: &mut Work) -> Result<RoleNo, Error> {
        let role = work.situation.policy.role_no(&self.role);
        let role = role.filter(|no| no.is_custom());
        let role = role.ok_or_else(|| Unknown::OwnRole(self.role.clone()))?;
        work.require("role.define", &work.account_scope())?;
        Ok(role)
    }

    async fn apply(self, role: RoleNo, work: &mut Work) -> Result<(), Error> {
        let names = |other: &CustomRole| {
            let mut levels = other.decl.levels.values();
            other.no != role
                && (other.decl.includes.contains(&self.role)
                    || levels.any(|level| level.assigns.iter().any(|assign| assign.role == self.role)))
        };
        let roles = std::slice::from_ref(&self.role);
        let bound = work.unit.bindings_of_roles(roles, None, 1);
        if !bound.await?.is_empty() || custom_roles(&work.situation.policy).iter().any(names) {
            return Err(Error::Precondition(Precondition::RoleInUse));
        }
        if work.unit.invited_roles(work.now).await?.contains(&self.role) {
            return Err(Error::Precondition(Precondition::RoleInvited));
        }
        work.unit.remove_role(&self.role).await?;
        let entry = changed(work, &self.role);
        work.emit(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::manifest::AssignDecl;

    use super::*;
    use crate::{
        memory::{World, account, subject},
        role::create::{Create, tests::define},
    };

    fn delete(role: &str) -> Delete {
        Delete {
            role: role.to_owned(),
        }
    }

    /// User 1 is a manager who has defined the role `guest`.
    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        world.run(1, define("guest", &["project.view"])).await.unwrap();
        world
    }

    #[tokio::test]
    async fn only_callers_who_may_define_roles_delete_one() {
        let world = world().await;
        let refused = world.run(2, delete("guest")).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        assert!(world.preview(1, delete("guest")).await.unwrap().is_empty());
        world.run(1, delete("guest")).await.unwrap();
        let refused = world.run(1, delete("guest")).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::OwnRole(_)))));
    }

    #[tokio::test]
    async fn roles_of_the_product_are_not_deleted() {
        let world = world().await;
        let refused = world.run(1, delete("viewer")).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::OwnRole(_)))));
    }

    #[tokio::test]
    async fn a_role_of_a_pending_invitation_is_not_deleted() {
        let world = world().await;
        let invite = crate::invitation::create::Create {
            email: "new@example.com".parse().unwrap(),
            kind: bailiwick_policy::manifest::MemberKind::Agent,
            roles: vec!["guest".to_owned()],
            scope: account(),
            request_id: None,
        };
        let made = world.operate(invite).await.unwrap();
        let refused = world.run(1, delete("guest")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::RoleInvited))
        ));
        let revoke = crate::invitation::revoke::Revoke { invitation: made.id };
        world.operate(revoke).await.unwrap();
        world.run(1, delete("guest")).await.unwrap();
    }

    #[tokio::test]
    async fn a_role_that_is_bound_or_named_by_another_is_not_deleted() {
        let world = world().await;
        world.bind(&subject(2), "guest", &account()).await;
        let refused = world.run(1, delete("guest")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::RoleInUse))
        ));
        let world = self::world().await;
        let mut including = define("lead", &["project.view"]);
        including.decl.includes = vec!["guest".to_owned()];
        let mut assigning: Create = define("head", &["project.view"]);
        for level in assigning.decl.levels.values_mut() {
            level.assigns = vec![AssignDecl::plain("guest")];
        }
        for other in [including, assigning] {
            let name = other.name.clone();
            world.operate(other).await.unwrap();
            for refused in [
                world.run(1, delete("guest")).await.err(),
                world.preview(1, delete("guest")).await.err(),
            ] {
                assert!(
                    matches!(refused, Some(Error::Precondition(Precondition::RoleInUse))),
                    "{name}"
                );
            }
            world.operate(delete(&name)).await.unwrap();
        }
        world.run(1, delete("guest")).await.unwrap();
    }
}
