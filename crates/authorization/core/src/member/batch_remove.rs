//! Ends several memberships with everything that belongs to them: all of them, or none.

use bailiwick_types::{Code, Reason, method::authorization::BatchRemoveMembers};

use super::ensure_held;
use crate::prelude::*;
use crate::{batch::Items, binding::Binding, sources::may_assign_all};

/// What is asked.
#[derive(Debug, Clone)]
pub struct BatchRemove {
    /// The users, each once.
    pub users: Vec<UserId>,
}

/// What ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Memberships.
    pub members: u64,
    /// Role bindings.
    pub bindings: u64,
    /// Grants.
    pub grants: u64,
}

#[async_trait]
impl Operation for BatchRemove {
    type Method = BatchRemoveMembers;
    type Output = Counts;
    type Plan = ();

    async fn permit(&self, work: &mut Work) -> Result<(), Error> {
        Ok(work.require("user.remove", &work.account_scope())?)
    }

    async fn points(&self, (): &(), work: &mut Work, points: &mut Points) -> Result<(), StoreError> {
        for user in &self.users {
            points.add_everywhere(&*work.unit, work.account(), *user).await?;
        }
        Ok(())
    }

    async fn apply(self, (): (), work: &mut Work) -> Result<Counts, Error> {
        let mut faults = Violations::new();
        let mut counts = Counts::default();
        let mut all: Vec<(usize, Binding)> = Vec::new();
        for (n, user) in self.users.iter().enumerate() {
            if work.unit.member(*user).await?.is_none() {
                faults.add(format!("users[{n}]"), "must be a member of the account");
                continue;
            }
            let subject = Subject::user(*user);
            counts.members += 1;
            counts.grants += work.unit.count_grants(&subject).await?;
            let bindings = work.unit.bindings_of(&subject).await?;
            all.extend(bindings.into_iter().map(|binding| (n, binding)));
        }
        Items::check(faults, (Code::NotFound, Reason::NotFound))?;
        counts.bindings = all.len() as u64;
        check_all(work, &all).await?;
        for user in &self.users {
            let subject = Subject::user(*user);
            work.unit.remove_member(*user).await?;
            work.subject_changed(&subject);
            let entry = work.entry(subject).with("scope", work.account_scope());
            work.emit(entry);
        }
        Ok(counts)
    }
}

/// Checks the holder rules over all bindings together, then the right to revoke each role.
async fn check_all(work: &mut Work, all: &[(usize, Binding)]) -> Result<(), Error> {
    work.look_at(all.iter().map(|(_, binding)| &binding.scope))
        .await?;
    ensure_held(work, all.iter().map(|(_, binding)| binding)).await?;
    let mut faults = Violations::new();
    for (n, binding) in all {
        if !may_assign_all(work, std::slice::from_ref(binding)) {
            let role = &binding.role;
            faults.add(
                format!("users[{n}]"),
                format!("must not have role `{role}`, which the caller cannot revoke"),
            );
        }
    }
    Ok(Items::check(
        faults,
        (Code::PermissionDenied, Reason::PermissionDenied),
    )?)
}

#[cfg(test)]
mod tests {
    use bailiwick_types::Fault;

    use super::*;
    use crate::{
        grant::About,
        memory::{World, account, subject, user},
    };

    fn remove(users: &[u128]) -> BatchRemove {
        BatchRemove {
            users: users.iter().copied().map(user).collect(),
        }
    }

    async fn world() -> World {
        let world = World::new().await;
        world.member(1, "manager").await;
        world.member(2, "viewer").await;
        world.member(3, "viewer").await;
        world
    }

    #[tokio::test]
    async fn memberships_end_together_and_are_counted() {
        let world = world().await;
        world
            .grant(&subject(2), &["folder.edit"], About::Scope(account()))
            .await;
        let effects = world.preview(1, remove(&[2, 3])).await.unwrap();
        for n in [2, 3] {
            let loses = effects.iter().any(|effect| {
                effect.subject == subject(n) && effect.loses.contains(&"project.view".to_owned())
            });
            assert!(loses, "{n}");
            assert!(world.membership(n).await.is_some());
        }
        let counts = world.run(1, remove(&[2, 3])).await.unwrap();
        let (members, bindings, grants) = (2, 2, 1);
        assert_eq!(
            counts,
            Counts {
                members,
                bindings,
                grants
            }
        );
        assert_eq!(world.membership(2).await.or(world.membership(3).await), None);
        assert_eq!(world.last_entry().details["scope"], account().to_string());
    }

    #[tokio::test]
    async fn nobody_is_removed_without_the_right_to_remove_members() {
        let world = world().await;
        for users in [[3], [9]] {
            for refused in [
                world.run(2, remove(&users)).await.err(),
                world.preview(2, remove(&users)).await.err(),
            ] {
                assert!(matches!(refused, Some(Error::Refused(Refused::Denied))));
            }
        }
    }

    #[tokio::test]
    async fn users_at_fault_are_all_named_and_nobody_is_removed() {
        let world = world().await;
        let named = |refused: Result<Counts, Error>| {
            let error = refused.unwrap_err();
            let fields: Vec<String> = error.violations().iter().map(|one| one.field.clone()).collect();
            (error.code(), fields.join(" "))
        };
        let strangers = world.run(1, remove(&[8, 2, 9])).await;
        assert_eq!(named(strangers), (Code::NotFound, "users[0] users[2]".to_owned()));
        world.member(4, "editor").await;
        let above = world.run(1, remove(&[2, 4])).await;
        assert_eq!(named(above), (Code::PermissionDenied, "users[1]".to_owned()));
        assert!(world.membership(2).await.is_some());
    }

    #[tokio::test]
    async fn two_holders_of_whom_one_must_stay_are_not_removed_together() {
        let world = world().await;
        world.member(4, "admin").await;
        world.member(5, "admin").await;
        let refused = world.run(1, remove(&[4, 5])).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::HolderRule { .. }))
        ));
        world.operate(remove(&[4])).await.unwrap();
    }
}
