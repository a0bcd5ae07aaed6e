//! Gives a subject a role on a scope.

use bailiwick_policy::{Role, manifest::Holders};
use bailiwick_types::method::authorization::AssignRole;
use serde_json::{Map, Value as Json};

use crate::binding::{Binding, holders};
use crate::prelude::*;

/// What is asked. An identical binding is left as it is. One with other parameters or another end is only
/// replaced by a request that says so, or that names its key.
#[derive(Debug, Clone)]
pub struct Assign {
    /// Who gets the role.
    pub subject: Subject,
    /// The name of the role.
    pub role: String,
    /// Where.
    pub scope: Scope,
    /// Parameters of the role's conditions.
    pub parameters: Map<String, Json>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Tells bindings of the same role, subject and scope apart.
    pub key: Option<String>,
    /// Whether it takes the place of the binding with the same key, or of all without one.
    pub replace: bool,
}

#[async_trait]
impl Operation for Assign {
    type Method = AssignRole;
    type Output = Binding;
    type Plan = Role;

    fn scopes(&self) -> Vec<Scope> {
        vec![self.scope.clone()]
    }

    async fn permit(&self, work: &mut Work) -> Result<Role, Error> {
        let role = self.fit(work)?;
        if !work.may_assign(role, &self.scope) && !is_single_holder(work, role, &self.scope).await? {
            return Err(Refused::Denied.into());
        }
        if !work.may_give_parameters(role, &self.scope, &self.parameters) {
            return Err(Refused::Denied.into());
        }
        Ok(role.clone())
    }

    async fn points(&self, _: &Role, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        points
            .add(&*work.unit, &self.subject, &[Spot::from(&self.scope)])
            .await
    }

    async fn apply(self, role: Role, work: &mut Work) -> Result<Binding, Error> {
        work.ensure_active(&self.scope)?;
        if matches!(role.holders, Some(Holders::Exactly(_))) {
            return Err(Precondition::OwnershipIsTransferred { role: self.role }.into());
        }
        check_subject(work, &self.subject, &role).await?;
        let present = work
            .unit
            .bindings_on(&self.subject, &self.role, &self.scope)
            .await?;
        if let Some(same) = present.iter().find(|binding| self.is_same(binding)) {
            // Where all are replaced, this one stays and the others go.
            if !(self.replace && self.key.is_none()) || present.len() == 1 {
                return Ok(same.clone());
            }
        }
        let replaced = self.replaced(present, work.now)?;
        let stops = self.expires_at.is_some();
        if stops && replaced.iter().any(|old| old.expires_at.is_none()) {
            self.ensure_held(work, &role, &replaced).await?;
        }
        let mut replaced = replaced.into_iter();
        let old = replaced.next();
        for more in replaced.clone() {
            work.unit.remove_binding(&more).await?;
            work.binding_changed(&more);
        }
        let before: Vec<Binding> = old.iter().cloned().chain(replaced).collect();
        let binding = Binding {
            parameters: self.parameters,
            expires_at: self.expires_at,
            key: self.key.unwrap_or_default(),
            ..old.unwrap_or_else(|| work.new_binding(self.subject, self.role, self.scope))
        };
        work.unit.put_binding(before, &binding).await?;
        work.binding_changed(&binding);
        Ok(binding)
    }
}

impl Assign {
    fn is_same(&self, binding: &Binding) -> bool {
        self.key.as_ref().is_none_or(|key| binding.key == *key)
            && binding.parameters == self.parameters
            && binding.expires_at == self.expires_at
    }
    /// The bindings whose place the new one takes: those that have ended, and those that the request means.
    fn replaced(&self, present: Vec<Binding>, now: Timestamp) -> Result<Vec<Binding>, Precondition> {
        let (ended, live): (Vec<Binding>, Vec<Binding>) =
            present.into_iter().partition(|binding| binding.is_over(now));
        let key = self.key.clone().unwrap_or_default();
        let ended = ended.into_iter().filter(|binding| binding.key == key);
        match &self.key {
            Some(key) => Ok(live
                .into_iter()
                .filter(|binding| binding.key == *key)
                .chain(ended)
                .collect()),
            None if self.replace || live.is_empty() => Ok(live.into_iter().chain(ended).collect()),
            None => Err(Precondition::BindingExists {
                role: self.role.clone(),
            }),
        }
    }
    /// Refuses to let a binding end where no other keeps the last holder of the role.
    async fn ensure_held(&self, work: &Work, role: &Role, replaced: &[Binding]) -> Result<(), Error> {
        let all = work
            .unit
            .bindings_on(&self.subject, &self.role, &self.scope)
            .await?;
        let goes_on = all
            .iter()
            .any(|other| other.expires_at.is_none() && !replaced.contains(other));
        let Some(old) = replaced.first().filter(|_| !goes_on) else {
            return Ok(());
        };
        if holders::breaks_rule(&*work.unit, &work.situation, role, old, work.now).await? {
            let role = self.role.clone();
            return Err(Precondition::HolderRule { role }.into());
        }
        Ok(())
    }
    fn fit<'w>(&self, work: &'w Work) -> Result<&'w Role, Error> {
        let level = self.scope.level();
        let role = work.situation.role_at(&self.role, level);
        let role = role.ok_or_else(|| Unknown::RoleAt(self.role.clone()))?;
        let mut faults = Violations::new();
        if self.expires_at.is_some_and(|at| at <= work.now) {
            faults.add("expire_time", "must be in the future");
        }
        let read = role.level(level).map(|at| at.read_parameters(&self.parameters));
        for fault in read.and_then(Result::err).into_iter().flatten() {
            faults.add("parameters", fault.to_string());
        }
        faults.check()?;
        Ok(role)
    }
}

/// Whoever has a role that is only transferred learns that, where others learn nothing.
pub(super) async fn is_single_holder(work: &Work, role: &Role, scope: &Scope) -> Result<bool, StoreError> {
    let single = matches!(role.holders, Some(Holders::Exactly(_)));
    let own = || work.unit.bindings_on(&work.actor.subject, &role.name, scope);
    Ok(single && !own().await?.is_empty())
}

async fn check_subject(work: &Work, subject: &Subject, role: &Role) -> Result<(), Error> {
    if role.holders.is_some() && subject.kind() != "user" {
        let role = role.name.to_string();
        return Err(Precondition::HolderIsNoUser { role }.into());
    }
    work.ensure_subject(subject).await
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::PlaceState;

    use super::*;
    use crate::memory::{World, account, subject, workspace};

    fn assign(to: Subject, role: &str, scope: Scope) -> Assign {
        Assign {
            subject: to,
            role: role.to_owned(),
            scope,
            parameters: Map::new(),
            expires_at: None,
            key: None,
            replace: false,
        }
    }

    #[tokio::test]
    async fn a_role_is_given_by_whoever_assigns_it_and_by_nobody_else() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "editor").await;
        world.member(3, "").await;
        world
            .run(1, assign(subject(3), "viewer", account()))
            .await
            .unwrap();
        assert_eq!(world.roles(3, &account()).await, ["viewer"]);
        for (by, role) in [(1, "editor"), (2, "viewer"), (2, "editor")] {
            let refused = world.run(by, assign(subject(3), role, account())).await;
            assert!(
                matches!(refused, Err(Error::Refused(Refused::Denied))),
                "{by} {role}"
            );
        }
    }

    #[tokio::test]
    async fn a_preview_tells_what_would_be_gained_and_writes_nothing() {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(3, "").await;
        let effects = world
            .preview(1, assign(subject(3), "viewer", account()))
            .await
            .unwrap();
        let [effect] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert!(effect.gains.contains(&"project.view".to_owned()), "{effect:?}");
        assert!(effect.loses.is_empty());
        assert!(world.roles(3, &account()).await.is_empty());
        let refused = world.preview(1, assign(subject(3), "editor", account())).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn only_active_members_and_known_groups_get_a_role() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.person(2).await;
        let refused = world.run(1, assign(subject(2), "viewer", account())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAMember { .. }))
        ));
        let refused = world
            .run(1, assign("user:nobody".parse().unwrap(), "viewer", account()))
            .await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotAUser { .. }))
        ));
        let group = Subject::group(bailiwick_types::GroupId::from_uuid(uuid::Uuid::from_u128(7)));
        let refused = world.run(1, assign(group.clone(), "viewer", account())).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::NotFound("group")))));
        let refused = world.run(1, assign(group, "admin", account())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderIsNoUser { .. }))
        ));
    }

    #[tokio::test]
    async fn a_scope_that_is_suspended_gives_no_roles() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "").await;
        world.workspace_is(PlaceState::Suspended).await;
        let refused = world.operate(assign(subject(2), "viewer", workspace())).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::NotActive { .. }))
        ));
    }

    #[tokio::test]
    async fn a_single_holder_role_is_transferred_instead() {
        let world = World::new().await;
        world.member(1, "owner").await;
        world.member(2, "editor").await;
        let refused = world.run(1, assign(subject(2), "owner", account())).await;
        let transferred = Err(Error::Precondition(Precondition::OwnershipIsTransferred {
            role: "owner".into(),
        }));
        assert_eq!(
            format!("{refused:?}"),
            format!(
                "{transferred:?}",
                transferred = transferred as Result<Binding, Error>
            )
        );
        let refused = world.run(2, assign(subject(2), "owner", account())).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Denied))));
    }

    #[tokio::test]
    async fn the_last_holder_gets_no_end() {
        let world = World::new().await;
        world.member(1, "admin").await;
        let end = world.now().plus(std::time::Duration::from_mins(1));
        let ending = Assign {
            expires_at: Some(end),
            replace: true,
            ..assign(subject(1), "admin", account())
        };
        let refused = world.run(1, ending.clone()).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderRule { .. }))
        ));
        world.member(2, "admin").await;
        assert_eq!(world.run(1, ending).await.unwrap().expires_at, Some(end));
    }

    /// The ends of the bindings of `viewer` that the third user has, by key.
    async fn ends(world: &World) -> Vec<(String, Option<Timestamp>)> {
        let all =
            crate::binding::Reader::bindings_on(&*world.read(), &subject(3), "viewer", &account()).await;
        let mut ends: Vec<_> = all
            .unwrap()
            .into_iter()
            .map(|binding| (binding.key, binding.expires_at))
            .collect();
        ends.sort();
        ends
    }

    #[tokio::test]
    async fn another_end_replaces_nothing_unless_the_request_says_so() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(3, "").await;
        let viewer = assign(subject(3), "viewer", account());
        let first = world.run(1, viewer.clone()).await.unwrap();
        let told = world.told().len();
        assert_eq!(world.run(1, viewer.clone()).await.unwrap(), first);
        assert_eq!(world.told().len(), told);
        let end = Some(world.now().plus(std::time::Duration::from_mins(1)));
        let ending = Assign {
            expires_at: end,
            ..viewer.clone()
        };
        let refused = world.run(1, ending.clone()).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::BindingExists { .. }))
        ));
        let keyed = Assign {
            key: Some("trial".to_owned()),
            ..ending.clone()
        };
        world.run(1, keyed.clone()).await.unwrap();
        assert_eq!(
            ends(&world).await,
            [(String::new(), None), ("trial".to_owned(), end)]
        );
        // A key names the binding that it changes.
        let longer = Assign {
            expires_at: None,
            ..keyed
        };
        world.run(1, longer).await.unwrap();
        assert_eq!(
            ends(&world).await,
            [(String::new(), None), ("trial".to_owned(), None)]
        );
        let replacing = Assign {
            replace: true,
            ..ending
        };
        world.run(1, replacing).await.unwrap();
        assert_eq!(ends(&world).await, [(String::new(), end)]);
        // What has ended is not there.
        world.clock.advance(std::time::Duration::from_mins(2));
        world.run(1, viewer).await.unwrap();
        assert_eq!(ends(&world).await, [(String::new(), None)]);
    }

    #[tokio::test]
    async fn unknown_roles_ends_in_the_past_and_undeclared_parameters_are_refused() {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "").await;
        let refused = world.run(1, assign(subject(2), "pilot", account())).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::RoleAt(_)))));
        let refused = world.run(1, assign(subject(2), "admin", workspace())).await;
        assert!(matches!(refused, Err(Error::Unknown(Unknown::RoleAt(_)))));
        let wrong = Assign {
            expires_at: Some(world.now()),
            parameters: [("region".to_owned(), "eu".into())].into_iter().collect(),
            ..assign(subject(2), "viewer", account())
        };
        let Err(Error::Invalid(faults)) = world.run(1, wrong).await else {
            panic!("it was assigned")
        };
        let fields: Vec<&str> = faults.as_slice().iter().map(|fault| &*fault.field).collect();
        assert_eq!(fields, ["expire_time", "parameters"]);
    }
}
