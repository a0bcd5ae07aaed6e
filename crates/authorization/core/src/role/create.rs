//! Defines a role of the account: its author gives only what it holds.

use std::sync::Arc;

use bailiwick_policy::{
    AccountPolicy, Claim, CustomRole, PlaceId, RoleNo, Target, could_assign, holds_role, manifest::RoleDecl,
};
use bailiwick_types::method::authorization::CreateRole;

use super::{Next, changed, custom_roles, overlays, with_roles};
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Create {
    /// The name of the role.
    pub name: String,
    /// What it has.
    pub decl: RoleDecl,
}

/// A role that its author may define.
#[derive(Debug)]
pub struct Plan {
    role: CustomRole,
    next: Next,
}

#[async_trait]
impl Operation for Create {
    type Method = CreateRole;
    /// The policy with the new role.
    type Output = Arc<AccountPolicy>;
    type Plan = Plan;

    async fn permit(&self, work: &mut Work) -> Result<Plan, Error> {
        let policy = &work.situation.policy;
        if policy.role_no(&self.name).is_some() {
            work.require("role.define", &work.account_scope())?;
            return Err(Error::Precondition(Precondition::RoleExists));
        }
        let mut faults = Violations::new();
        for fault in policy.check_role(&self.name, &self.decl) {
            faults.add(format!("role.{}", fault.path), fault.message);
        }
        faults.check()?;
        work.require("role.define", &work.account_scope())?;
        // Revisions are never used twice, so neither are the numbers made of them.
        let revision = u32::try_from(work.revision()?).unwrap_or(u32::MAX);
        let role = CustomRole {
            no: RoleNo(RoleNo::FIRST_CUSTOM.0.saturating_add(revision)),
            name: self.name.clone(),
            decl: self.decl.clone(),
            generation: policy.product().generation(),
        };
        let mut custom = custom_roles(policy);
        custom.push(role.clone());
        let next = with_roles(work, custom, overlays(policy)).await?;
        if !holds(work, &next.policy, &role) {
            return Err(Refused::Denied.into());
        }
        Ok(Plan { role, next })
    }

    async fn apply(self, Plan { role, next }: Plan, work: &mut Work) -> Result<Arc<AccountPolicy>, Error> {
        work.unit.put_role(&role, next.sizes).await?;
        let entry = changed(work, &role.name);
        work.emit(entry);
        Ok(next.policy)
    }
}

/// Whether the actor holds all that a new role gives, and could assign every role that it includes: when an
/// included role changes, the new one changes with it.
fn holds(work: &Work, next: &Arc<AccountPolicy>, own: &CustomRole) -> bool {
    let Some(role) = next.role(own.no) else {
        return false;
    };
    let then = work.situation.with_policy(Arc::clone(next));
    let target = Target::Scope(PlaceId::from(work.account()));
    let Some(standing) = &work.actor.standing else {
        return role.levels().all(|(level, at)| {
            let mut claims = at
                .entries()
                .iter()
                .map(|entry| Claim::pattern(entry.pattern, level));
            claims.all(|claim| then.may_give(&work.actor, &claim, target, work.now))
        });
    };
    let (subject, plain) = (&work.actor.subject, then.plain_request());
    then.ask_about(subject, standing, target, plain, work.now, |input| {
        let could_assign = |name: &String| next.role_no(name).is_some_and(|no| could_assign(input, no));
        role.levels().all(|(level, _)| holds_role(input, role, level))
            && own.decl.includes.iter().all(could_assign)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use bailiwick_policy::manifest::{EntryDecl, RoleLevelDecl};
    use bailiwick_types::Level;

    use super::*;
    use crate::memory::World;

    /// A role with these permissions on the account.
    pub(in crate::role) fn define(name: &str, permissions: &[&str]) -> Create {
        let level = RoleLevelDecl {
            permissions: permissions.iter().map(|text| EntryDecl::plain(*text)).collect(),
            assigns: Vec::new(),
        };
        Create {
            name: name.to_owned(),
            decl: RoleDecl {
                title: Some("Role".to_owned()),
                levels: [(Level::Account, level)].into(),
                ..RoleDecl::default()
            },
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world
    }

    #[tokio::test]
    async fn an_author_puts_into_a_role_only_what_it_holds() {
        let world = world().await;
        let policy = world.run(1, define("guest", &["project.view"])).await.unwrap();
        assert!(policy.role_no("guest").is_some_and(RoleNo::is_custom));
        let told = world.told();
        let [crate::Change::Policy(_), crate::Change::Audited(entry)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(entry.details["role"], "guest");
        for (by, permission) in [(1, "project.edit"), (1, "*"), (2, "project.view")] {
            let refused = world.run(by, define("more", &[permission])).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{by} {permission}"
            );
        }
    }

    #[tokio::test]
    async fn an_author_includes_only_roles_that_it_could_assign() {
        let world = world().await;
        world.member(3, "admin").await;
        let including = |name: &str, other: &str| Create {
            name: name.to_owned(),
            decl: RoleDecl {
                title: Some("Role".to_owned()),
                includes: vec![other.to_owned()],
                ..RoleDecl::default()
            },
        };
        let refused = world.run(1, including("lead", "manager")).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
        world.run(3, including("lead", "manager")).await.unwrap();
        world.operate(including("head", "manager")).await.unwrap();
        let refused = world.run(3, including("odd", "pilot")).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
    }

    #[tokio::test]
    async fn only_callers_who_may_define_roles_learn_that_a_name_is_taken() {
        let world = world().await;
        let refused = world.run(1, define("viewer", &["project.view"])).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::RoleExists))
        ));
        let refused = world.run(2, define("viewer", &["project.view"])).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn a_definition_must_fit_the_product() {
        let world = world().await;
        let Err(Error::Invalid(faults)) = world.run(1, define("odd", &["boat.view"])).await else {
            panic!("it was defined")
        };
        assert_eq!(faults.as_slice()[0].field, "role.levels.account.permissions[0]");
    }
}
