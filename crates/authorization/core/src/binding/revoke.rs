//! Takes a role on a scope away.

use bailiwick_policy::{Role, manifest::Holders};
use bailiwick_types::method::authorization::RevokeRole;

use super::{Binding, assign::is_single_holder};
use crate::holders;
use crate::prelude::*;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Revoke {
    /// Who loses the role.
    pub subject: Subject,
    /// The name of the role.
    pub role: String,
    /// Where.
    pub scope: Scope,
    /// Only the binding of this key; all of the role there where absent.
    pub key: Option<String>,
}

#[async_trait]
impl Operation for Revoke {
    type Method = RevokeRole;
    type Output = ();
    type Plan = Role;

    fn scopes(&self) -> Vec<Scope> {
        vec![self.scope.clone()]
    }

    async fn permit(&self, work: &mut Work) -> Result<Role, Error> {
        let role = work.situation.role_at(&self.role, self.scope.level());
        let role = role.ok_or_else(|| Unknown::RoleAt(self.role.clone()))?;
        if !work.may_assign(role, &self.scope) && !is_single_holder(work, role, &self.scope).await? {
            return Err(Refused::Denied.into());
        }
        Ok(role.clone())
    }

    async fn points(&self, _: &Role, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add(&*work.unit, &self.subject, &[Spot::from(&self.scope)])
            .await
    }

    async fn apply(self, role: Role, work: &mut Work) -> Result<(), Error> {
        if matches!(role.holders, Some(Holders::Exactly(_))) {
            return Err(Precondition::OwnershipIsTransferred { role: self.role }.into());
        }
        let all = work
            .unit
            .bindings_on(&self.subject, &self.role, &self.scope)
            .await?;
        let is_asked = |binding: &Binding| self.key.as_ref().is_none_or(|key| binding.key == *key);
        let (removed, kept): (Vec<Binding>, Vec<Binding>) = all.into_iter().partition(is_asked);
        let first = removed.first().ok_or(Refused::NotFound("binding"))?;
        let goes_on = kept.iter().any(|binding| binding.expires_at.is_none());
        if !goes_on && holders::breaks_rule(&*work.unit, &work.situation, &role, first, work.now).await? {
            return Err(Precondition::HolderRule { role: self.role }.into());
        }
        for binding in &removed {
            work.unit.remove_binding(binding).await?;
            work.binding_changed(binding);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{World, account, subject, workspace};

    fn revoke(n: u128, role: &str) -> Revoke {
        Revoke {
            subject: subject(n),
            role: role.to_owned(),
            scope: account(),
            key: None,
        }
    }

    #[tokio::test]
    async fn a_role_is_taken_by_whoever_could_give_it_and_by_nobody_else() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        world.member(3, "editor").await;
        for (by, n, role) in [(1, 3, "editor"), (3, 2, "viewer"), (2, 2, "viewer")] {
            let refused = world.run(by, revoke(n, role)).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{by} {role}"
            );
        }
        let effects = world.preview(1, revoke(2, "viewer")).await.unwrap();
        assert!(
            effects
                .iter()
                .any(|effect| effect.loses.contains(&"project.view".to_owned()))
        );
        assert_eq!(world.roles(2, &account()).await, ["viewer"]);
        world.run(1, revoke(2, "viewer")).await.unwrap();
        assert!(world.roles(2, &account()).await.is_empty());
    }

    #[tokio::test]
    async fn without_a_key_all_bindings_of_the_role_go() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "viewer").await;
        let keyed = |binding: &Binding, key: &str| Binding {
            id: bailiwick_types::BindingId::generate(&*world.ports.ids),
            key: key.to_owned(),
            ..binding.clone()
        };
        let first = world.bind(&subject(3), "viewer", &account()).await;
        let more = [keyed(&first, "a"), keyed(&first, "b")];
        world
            .put(async |write| {
                for binding in &more {
                    crate::binding::Writer::put_binding(write, binding).await?;
                }
                Ok(())
            })
            .await;
        let one = Revoke {
            key: Some("a".to_owned()),
            ..revoke(3, "viewer")
        };
        world.run(1, one.clone()).await.unwrap();
        assert_eq!(world.roles(3, &account()).await, ["viewer", "viewer"]);
        let refused = world.run(1, one).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("binding")))
        ));
        world.run(1, revoke(3, "viewer")).await.unwrap();
        assert!(world.roles(3, &account()).await.is_empty());
    }

    #[tokio::test]
    async fn somebody_keeps_a_role_that_must_be_held() {
        let world = World::new().await;
        world.member(1, "admin").await;
        let refused = world.run(1, revoke(1, "admin")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderRule { .. }))
        ));
        world.member(2, "admin").await;
        world.run(1, revoke(1, "admin")).await.unwrap();
    }

    #[tokio::test]
    async fn a_single_holder_role_is_transferred_instead() {
        let world = World::new().await;
        world.member(1, "owner").await;
        world.member(2, "editor").await;
        let refused = world.run(1, revoke(1, "owner")).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::OwnershipIsTransferred { .. }))
        ));
        let refused = world.run(2, revoke(1, "owner")).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn what_is_not_bound_or_cannot_be_bound_there_is_not_revoked() {
        let world = World::new().await;
        world.member(1, "admin").await;
        let refused = world.run(1, revoke(1, "viewer")).await;
        assert!(matches!(
            refused,
            Err(Error::Refused(Refused::NotFound("binding")))
        ));
        let elsewhere = Revoke {
            scope: workspace(),
            ..revoke(1, "admin")
        };
        let refused = world.run(1, elsewhere).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::RoleAt(_)))));
    }
}
