//! Adds permissions to a role or removes some: to a role of the account, or to one of the product for this
//! account alone.

use std::sync::Arc;

use bailiwick_policy::{AccountPolicy, CustomRole, Overlay, Role, RoleNo, manifest::EntryDecl};
use bailiwick_types::{Level, method::authorization::ChangeRole};

use super::{Next, changed, custom_roles, overlays, with_roles};
use crate::prelude::*;
use crate::{
    preview::kinds_with,
    sources::{may_add_entries, may_remove_entries},
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct Change {
    /// The name of the role.
    pub role: String,
    /// The level whose entries change; all levels of the role where absent.
    pub level: Option<Level>,
    /// Entries to add.
    pub add: Vec<EntryDecl>,
    /// Permissions and patterns to remove.
    pub remove: Vec<String>,
}

/// What will be stored.
#[derive(Debug)]
pub struct Plan {
    change: Stored,
    next: Next,
}

#[derive(Debug)]
enum Stored {
    Own(CustomRole),
    Overlay(Overlay),
}

#[async_trait]
impl Operation for Change {
    type Method = ChangeRole;
    /// The policy with the changed role.
    type Output = Arc<AccountPolicy>;
    type Plan = Plan;

    async fn permit(&self, work: &mut Work) -> Result<Plan, Error> {
        let policy = &work.situation.policy;
        let role = self.checked(policy)?;
        let levels: Vec<Level> = match self.level {
            Some(level) => vec![level],
            None => role.levels().map(|(level, _)| level).collect(),
        };
        work.require("role.define", &work.account_scope())?;
        if !may_add_entries(work, &levels, &self.add)
            || !may_remove_entries(work, role, &levels, &self.remove)
        {
            return Err(Refused::Denied.into());
        }
        let (mut custom, mut overlays) = (custom_roles(policy), overlays(policy));
        let change = if let Some(own) = custom.iter_mut().find(|own| own.no == role.no) {
            own.renew(policy.product());
            for level in levels {
                own.decl.change(level, &self.add, &self.remove);
            }
            Stored::Own(own.clone())
        } else {
            let mut overlay = policy.overlay(role.no).cloned().unwrap_or(Overlay {
                role: role.no,
                levels: [].into(),
            });
            for level in levels {
                let at = overlay.levels.entry(level).or_default();
                at.renew(policy.product());
                at.change(&self.add, &self.remove);
            }
            overlays.retain(|other| other.role != role.no);
            overlays.push(overlay.clone());
            Stored::Overlay(overlay)
        };
        let next = with_roles(work, custom, overlays).await?;
        Ok(Plan { change, next })
    }

    async fn points(&self, plan: &Plan, work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        let policy = &work.situation.policy;
        // Roles that include the changed one change with it.
        let changes = |role: &&Role| {
            let next = plan.next.policy.role(role.no);
            !next.is_some_and(|next| next.gives_the_same(role))
        };
        let changed = policy.roles().filter(changes);
        let changed: Vec<String> = changed.map(|role| role.name.to_string()).collect();
        points.add_roles(&*work.unit, &changed).await?;
        let kinds = kinds_with(policy, &changed);
        let account = [Spot::from(&work.account_scope())];
        points.add_members(&*work.unit, &kinds, &account).await
    }

    async fn apply(self, plan: Plan, work: &mut Work) -> Result<Arc<AccountPolicy>, Error> {
        match &plan.change {
            Stored::Own(role) => work.unit.put_role(role, plan.next.sizes).await?,
            Stored::Overlay(overlay) => {
                for (level, at) in &overlay.levels {
                    let sizes = plan.next.sizes;
                    work.unit.put_overlay(&self.role, *level, at, sizes).await?;
                }
            }
        }
        let added: Vec<&str> = self.add.iter().map(|entry| entry.permission.as_str()).collect();
        let entry = changed(work, &self.role).with("add", added.join(","));
        work.emit(entry.with("remove", self.remove.join(",")));
        Ok(plan.next.policy)
    }
}

impl Change {
    /// The role, where the change fits it.
    fn checked<'p>(&self, policy: &'p AccountPolicy) -> Result<&'p Role, Error> {
        let no = policy.role_no(&self.role).filter(|no| *no > RoleNo::SERVICE);
        let role = no.and_then(|no| policy.role(no));
        let role = role.ok_or_else(|| Unknown::Role(self.role.clone()))?;
        let mut faults = Violations::new();
        for fault in policy.check_change(role.no, self.level, &self.add, &self.remove) {
            faults.add(fault.path, fault.message);
        }
        if self.add.is_empty() && self.remove.is_empty() {
            faults.add("add", "must be given where `remove` is not");
        }
        faults.check()?;
        Ok(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, subject},
        role::create::tests::define,
    };

    fn change(role: &str, add: &[&str], remove: &[&str]) -> Change {
        Change {
            role: role.to_owned(),
            level: None,
            add: add.iter().map(|text| EntryDecl::plain(*text)).collect(),
            remove: remove.iter().map(|text| (*text).to_owned()).collect(),
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "admin").await;
        world.member(2, "manager").await;
        world.member(3, "viewer").await;
        world
    }

    #[tokio::test]
    async fn a_role_of_the_product_is_changed_for_the_account() {
        let world = world().await;
        let policy = world
            .run(1, change("viewer", &["folder.edit"], &["project.view"]))
            .await
            .unwrap();
        let viewer = policy.role_no("viewer").unwrap();
        let levels: Vec<Level> = policy.overlay(viewer).unwrap().levels.keys().copied().collect();
        assert_eq!(levels, [Level::Account, Level::Workspace]);
        let told = world.told();
        let [crate::Change::Policy(_), crate::Change::Audited(entry)] = &told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(
            ["role", "add", "remove"].map(|name| &*entry.details[name]),
            ["viewer", "folder.edit", "project.view"]
        );
        let there = Change {
            level: Some(Level::Workspace),
            ..change("viewer", &["folder.create"], &[])
        };
        let policy = world.run(1, there).await.unwrap();
        let added = |level| policy.overlay(viewer).unwrap().levels[&level].add.len();
        assert_eq!((added(Level::Account), added(Level::Workspace)), (1, 2));
    }

    #[tokio::test]
    async fn a_role_of_the_account_is_changed_itself() {
        let world = world().await;
        world.run(1, define("guest", &["project.view"])).await.unwrap();
        let policy = world
            .run(1, change("guest", &["folder.view"], &[]))
            .await
            .unwrap();
        let guest = policy.custom_role(policy.role_no("guest").unwrap()).unwrap();
        assert_eq!(guest.decl.levels[&Level::Account].permissions.len(), 2);
    }

    #[tokio::test]
    async fn callers_add_and_remove_only_what_they_hold() {
        let world = world().await;
        for (by, add, remove) in [
            (2, &["project.edit"][..], &[][..]),
            (2, &[], &["folder.view"]),
            (3, &[], &["project.view"]),
        ] {
            for refused in [
                world.run(by, change("viewer", add, remove)).await.err(),
                world.preview(by, change("viewer", add, remove)).await.err(),
            ] {
                assert!(
                    matches!(refused, Some(Error::Refused(Refused::Denied))),
                    "{by} {add:?}"
                );
            }
        }
        world
            .run(2, change("viewer", &[], &["project.view"]))
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn a_preview_shows_what_holders_would_gain_and_lose_and_writes_nothing() {
        let world = world().await;
        let mut including = define("lead", &["project.view"]);
        including.decl.includes = vec!["viewer".to_owned()];
        world.run(1, including).await.unwrap();
        world.member(4, "lead").await;
        let before = world.told().len();
        let effects = world
            .preview(1, change("viewer", &["folder.edit"], &["project.view"]))
            .await
            .unwrap();
        let gains = |n| {
            effects
                .iter()
                .find(|effect| effect.subject == subject(n))
                .unwrap()
        };
        for n in [3, 4] {
            assert!(gains(n).gains.contains(&"folder.edit".to_owned()), "{n}");
        }
        assert_eq!(gains(3).loses, ["project.view"]);
        assert_eq!((effects.len(), world.told().len()), (2, before));
        let policy = world.read().rows.policy.unwrap();
        assert!(policy.overlay(policy.role_no("viewer").unwrap()).is_none());
    }

    #[tokio::test]
    async fn the_role_must_exist_and_the_change_must_fit_it() {
        let world = world().await;
        for unknown in ["pilot", "operator"] {
            let refused = world.run(1, change(unknown, &["project.view"], &[])).await;
            assert!(
                matches!(refused, Err(Error::Unknown(Unknown::Role(_)))),
                "{unknown}"
            );
        }
        for (wrong, field) in [
            (change("viewer", &[], &[]), "add"),
            (change("viewer", &["boat.view"], &[]), "add[0]"),
            (change("viewer", &[], &["boat.view"]), "remove[0]"),
            (change("admin", &["project.view"], &[]), "role"),
        ] {
            let Err(Error::Invalid(faults)) = world.run(1, wrong).await else {
                panic!("{field}: it was changed")
            };
            assert_eq!(faults.as_slice()[0].field, field);
        }
    }
}
