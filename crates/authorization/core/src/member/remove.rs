//! Ends a membership with everything that belongs to it, or removes a user from a scope and what is below it.

use bailiwick_types::method::authorization::RemoveMember;
use uuid::Uuid;

use super::check_roles;
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Remove {
    /// The user.
    pub user: UserId,
    /// The scope to remove the user from; none ends the membership.
    pub scope: Option<Scope>,
}

#[async_trait]
impl Operation for Remove {
    type Method = RemoveMember;
    type Output = ();
    type Plan = ();

    fn scopes(&self) -> Vec<Scope> {
        self.scope.iter().cloned().collect()
    }

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        let account = work.account_scope();
        Ok(work.require("user.remove", self.scope.as_ref().unwrap_or(&account))?)
    }

    async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add_everywhere(&*work.unit, work.account(), self.user)
            .await
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<(), Error> {
        let scope = self.scope.as_ref();
        if scope.is_some_and(|scope| work.situation.state(scope).is_none()) {
            return Err(Refused::NotFound("scope").into());
        }
        remove(work, self.user, scope).await
    }
}

/// Checks the holder rules, then the right to revoke each role, and removes. A user without membership may
/// still have bindings to remove.
pub(super) async fn remove(work: &mut Work, user: UserId, scope: Option<&Scope>) -> Result<(), Error> {
    let subject = Subject::user(user);
    let mut bindings = work.unit.bindings_of(&subject).await?;
    let mut within: Vec<Uuid> = Vec::new();
    if let Some(scope) = scope {
        let below = work.unit.places_below(scope).await?;
        let scopes = below.iter().map(|place| &place.scope).chain([scope]);
        within.extend(scopes.filter_map(Scope::uuid));
        bindings.retain(|binding| binding.scope.uuid().is_some_and(|id| within.contains(&id)));
    }
    if bindings.is_empty() && work.unit.member(user).await?.is_none() {
        return Err(Refused::NotFound("member").into());
    }
    check_roles(work, &bindings, true).await?;
    if scope.is_some() {
        for binding in &bindings {
            work.unit.remove_binding(binding).await?;
        }
        work.unit.remove_grants(&subject, &within).await?;
    } else {
        work.unit.remove_member(user).await?;
    }
    work.subject_changed(&subject);
    let roles: Vec<&str> = bindings.iter().map(|binding| binding.role.as_str()).collect();
    let entry = work.entry(&subject).with("roles", roles.join(","));
    let account = work.account_scope();
    work.emit(entry.with("scope", scope.unwrap_or(&account)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;

    use super::*;
    use crate::{
        grant::{About, Reader},
        memory::{World, account, subject, user, workspace},
    };

    fn end(n: u128) -> Remove {
        Remove {
            user: user(n),
            scope: None,
        }
    }

    fn from(n: u128, scope: Scope) -> Remove {
        Remove {
            user: user(n),
            scope: Some(scope),
        }
    }

    #[tokio::test]
    async fn a_membership_ends_with_its_roles_and_grants() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        world
            .grant(&subject(2), &["folder.edit"], About::Scope(account()))
            .await;
        let effects = world.preview(1, end(2)).await.unwrap();
        let loses = |permission: &str| {
            effects
                .iter()
                .any(|one| one.loses.contains(&permission.to_owned()))
        };
        assert!(loses("project.view") && loses("folder.edit"), "{effects:?}");
        assert!(world.membership(2).await.is_some());
        world.run(1, end(2)).await.unwrap();
        assert_eq!(world.membership(2).await, None);
        assert!(world.roles(2, &account()).await.is_empty());
        assert_eq!(world.read().count_grants(&subject(2)).await.unwrap(), 0);
        let entry = world.last_entry();
        assert_eq!(
            entry.action,
            "bailiwick.authorization.v1.MemberService/RemoveMember"
        );
        assert_eq!(entry.details["scope"], account().to_string());
        assert_eq!(entry.details["roles"], "viewer");
    }

    #[tokio::test]
    async fn only_what_lies_in_the_scope_is_removed_from_a_scope() {
        let world = World::new().await;
        world.member(1, "").await;
        world.bind(&subject(1), "manager", &workspace()).await;
        world.member(2, "viewer").await;
        world.bind(&subject(2), "viewer", &workspace()).await;
        for scope in [account(), workspace()] {
            world
                .grant(&subject(2), &["folder.edit"], About::Scope(scope))
                .await;
        }
        world.run(1, from(2, workspace())).await.unwrap();
        assert!(world.membership(2).await.is_some());
        assert!(world.roles(2, &workspace()).await.is_empty());
        assert_eq!(world.roles(2, &account()).await, ["viewer"]);
        assert_eq!(world.read().count_grants(&subject(2)).await.unwrap(), 1);
        assert_eq!(world.last_entry().details["scope"], workspace().to_string());
        let refused = world.run(1, end(2)).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn nobody_is_removed_without_the_right_to_remove_members_and_revoke_their_roles() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world.member(3, "viewer").await;
        // Without `user.remove`, a member and a stranger are refused alike.
        for (by, n) in [(1, 2), (2, 3), (2, 9)] {
            for refused in [
                world.run(by, end(n)).await.err(),
                world.preview(by, end(n)).await.err(),
            ] {
                assert!(
                    matches!(refused, Some(Error::Refused(Refused::Denied))),
                    "{by} {n}"
                );
            }
        }
    }

    #[tokio::test]
    async fn the_last_holder_is_not_removed() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "admin").await;
        for scope in [None, Some(account())] {
            let refused = world.run(1, Remove { user: user(2), scope }).await;
            assert!(matches!(
                refused,
                Err(Error::Precondition(Precondition::HolderRule { .. }))
            ));
        }
        world.member(3, "admin").await;
        world.run(3, end(2)).await.unwrap();
    }

    #[tokio::test]
    async fn a_scope_that_does_not_exist_is_named_to_the_operator_only() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.workspace_is(PlaceState::Deleted).await;
        let refused = world.operate(from(1, workspace())).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("scope")))));
        let refused = world.run(1, from(1, workspace())).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn a_user_without_membership_and_roles_is_not_found() {
        let world = World::new().await;
        world.member(1, "manager").await;
        let refused = world.run(1, end(2)).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("member")))
        ));
        world.bind(&subject(2), "viewer", &account()).await;
        world.run(1, end(2)).await.unwrap();
        assert!(world.roles(2, &account()).await.is_empty());
    }
}
