//! What becomes of bindings whose role a manifest removes: another role takes its place, or they end.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_policy::Product;
use bailiwick_types::{
    AccountId, AllAccounts, Authorized, BindingId, IdGen, Level, Scope, ScopeRoot, Subject, Timestamp,
    Violations, method::authorization::ApplyProduct,
};

use super::{
    Replacement,
    plan::{Error, Proposal, has_role},
};
use crate::{Audit, Change, Ports, Read, StoreError, Unit, binding::Binding};

/// The most bindings that one transaction changes: it holds up all their accounts.
const MOST: u64 = 10_000;

/// The accounts that would have to be locked.
pub(super) async fn accounts(
    ports: &Ports,
    all: AllAccounts,
    proposal: &Proposal,
) -> Result<BTreeSet<AccountId>, Error> {
    if proposal.replacements.is_empty() {
        return Ok(BTreeSet::new());
    }
    let read = ports.store.read_all(all).await?;
    let bound = bound(&*read, proposal).await?;
    Ok(bound.iter().map(|binding| binding.account).collect())
}

async fn bound(read: &(impl Read + ?Sized), proposal: &Proposal) -> Result<Vec<Binding>, Error> {
    let roles = proposal.replacements.iter().map(|one| one.role.clone());
    let roles: Vec<String> = roles.collect();
    let bound = read.bound(&proposal.name, &roles, MOST + 1).await?;
    if bound.len() as u64 > MOST {
        return Err(Error::TooMany(MOST));
    }
    Ok(bound)
}

/// The bindings that change.
#[derive(Default)]
pub(super) struct Moves {
    /// Each with the role that takes the place of its own; none where it ends.
    all: Vec<(Binding, Option<String>)>,
}

impl Moves {
    /// Finds the bindings that do not fit the new product. `locked` are the accounts whose rows are held;
    /// none where nothing will be written.
    pub(super) async fn find(
        read: &(impl Read + ?Sized),
        proposal: &Proposal,
        compiled: &Product,
        locked: Option<&BTreeSet<AccountId>>,
    ) -> Result<Self, Error> {
        if proposal.replacements.is_empty() {
            return Ok(Self::default());
        }
        let mut bound = bound(read, proposal).await?;
        bound.retain(|binding| !has_role(compiled, &binding.role, binding.scope.level()));
        check(compiled, &bound, &proposal.replacements)?;
        let is_locked = |account: &AccountId| locked.is_none_or(|locked| locked.contains(account));
        if !bound.iter().all(|binding| is_locked(&binding.account)) {
            return Err(Error::Meanwhile);
        }
        let with_successor = |binding: Binding| {
            let one = proposal.replacements.iter().find(|one| one.role == binding.role);
            let by = one.and_then(|one| one.by.clone());
            (binding, by)
        };
        Ok(Self {
            all: bound.into_iter().map(with_successor).collect(),
        })
    }

    /// What happens, a line for each role.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut counts: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
        for (binding, by) in &self.all {
            *counts.entry((&binding.role, by.as_deref())).or_default() += 1;
        }
        let line = |((role, by), count): ((&str, Option<&str>), usize)| match by {
            Some(by) => format!("~ bindings of `{role}`: {count} become `{by}`"),
            None => format!("- bindings of `{role}`: {count} end"),
        };
        counts.into_iter().map(line).collect()
    }

    /// The bindings that would come in an account, by who would have them.
    pub(super) async fn come(
        &self,
        read: &(impl Read + ?Sized),
        account: AccountId,
    ) -> Result<BTreeMap<Subject, Vec<Binding>>, StoreError> {
        let mut given = BTreeSet::new();
        let mut come: BTreeMap<Subject, Vec<Binding>> = BTreeMap::new();
        for (binding, by) in self.all.iter().filter(|(binding, _)| binding.account == account) {
            if let Some(next) = successor(read, binding, by.as_deref(), &mut given).await? {
                come.entry(next.subject.clone()).or_default().push(next);
            }
        }
        Ok(come)
    }

    /// Changes them.
    pub(super) async fn apply(
        self,
        call: &Authorized<ApplyProduct>,
        all: AllAccounts,
        unit: &mut (dyn Unit + Send + Sync),
        ids: &dyn IdGen,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut given = BTreeSet::new();
        for (binding, by) in self.all {
            let root = ScopeRoot::Account(binding.account);
            unit.select(all.account(binding.account));
            unit.remove_binding(&binding).await?;
            if let Some(next) = successor(&*unit, &binding, by.as_deref(), &mut given).await? {
                let next = Binding {
                    id: BindingId::from_uuid(ids.uuid()),
                    created_at: now,
                    creator: call.subject().cloned(),
                    ..next
                };
                unit.put_binding(&next).await?;
            }
            unit.emit(root.clone(), Change::of_subject(&binding.subject));
            let entry = Audit::of(call, &binding.scope)
                .with("subject", &binding.subject)
                .with("role", &binding.role)
                .with("replaced_by", by.as_deref().unwrap_or("nothing"));
            unit.emit(root, entry.into());
        }
        Ok(())
    }
}

/// Refuses replacements that do not fit the new product, with all violations.
fn check(product: &Product, bound: &[Binding], replacements: &[Replacement]) -> Result<(), Violations> {
    let mut violations = Violations::new();
    let mut seen = BTreeSet::new();
    for (n, one) in replacements.iter().enumerate() {
        let mut add =
            |name: &str, rule: String| violations.add(format!("role_replacements[{n}].{name}"), rule);
        if !seen.insert(&one.role) {
            add("role", "must be named once".to_owned());
        }
        let Some(by) = &one.by else { continue };
        let role = product.role_no(by).and_then(|no| product.role(no));
        match role {
            None => add("replaced_by", "must be a role of the new manifest".to_owned()),
            // A holder is named by a transfer, not by a manifest.
            Some(role) if role.holders.is_some() => {
                add("replaced_by", "must not be a role with `holders`".to_owned());
            }
            Some(_) => {
                let levels: BTreeSet<Level> = bound
                    .iter()
                    .filter(|binding| binding.role == one.role)
                    .map(|binding| binding.scope.level())
                    .filter(|level| !has_role(product, by, *level))
                    .collect();
                for level in levels {
                    let rule = format!(
                        "must be a role that can be bound at level `{level}`, where `{}` is bound",
                        one.role
                    );
                    add("replaced_by", rule);
                }
            }
        }
    }
    violations.check()
}

/// What takes the place of a binding. A subject that has the role already, or gets it twice, keeps the one
/// binding: it may last longer or have other parameters.
async fn successor(
    read: &(impl Read + ?Sized),
    binding: &Binding,
    by: Option<&str>,
    given: &mut BTreeSet<(AccountId, Subject, String, Scope)>,
) -> Result<Option<Binding>, StoreError> {
    let Some(by) = by else { return Ok(None) };
    let there = read.bindings_on(&binding.subject, by, &binding.scope).await?;
    let key = (
        binding.account,
        binding.subject.clone(),
        by.to_owned(),
        binding.scope.clone(),
    );
    let comes = there.is_empty() && given.insert(key);
    Ok(comes.then(|| Binding {
        role: by.to_owned(),
        ..binding.clone()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, account, account_id, subject, workspace},
        product::{
            apply::{Applied, Apply, apply},
            stage::{MANIFEST, becomes, ends, without_clerk},
        },
    };

    /// Two clerks of the account.
    async fn clerks() -> World {
        let world = World::new().await;
        world.product(MANIFEST).await;
        world.bind(&subject(1), "clerk", &account()).await;
        world.bind(&subject(2), "clerk", &account()).await;
        world
    }

    async fn run(world: &World, source: String, replacements: &[Replacement]) -> Result<Applied, Error> {
        let command = Apply {
            source,
            replacements: replacements.to_vec(),
        };
        apply(&world.ports, &world.by_deployment(), command).await
    }

    async fn faults(world: &World, replacements: &[Replacement]) -> Vec<(String, String)> {
        let refused = run(world, without_clerk(), replacements).await;
        let Err(Error::Replacement(faults)) = refused else {
            panic!("{refused:?}")
        };
        let fault = |fault: &bailiwick_types::FieldViolation| (fault.field.clone(), fault.rule.clone());
        faults.as_slice().iter().map(fault).collect()
    }

    #[tokio::test]
    async fn bindings_of_a_removed_role_become_those_of_another() {
        let world = clerks().await;
        let kept = world.bind(&subject(2), "guest", &account()).await;
        let made = run(&world, without_clerk(), &[becomes("clerk", "guest")])
            .await
            .unwrap();
        assert!(
            made.differences
                .contains(&"~ bindings of `clerk`: 2 become `guest`".to_owned())
        );
        assert_eq!(world.roles(1, &account()).await, ["guest"]);
        let of_2 = crate::binding::Reader::bindings_of(&*world.read(), &subject(2)).await;
        assert_eq!(of_2.unwrap(), [kept], "who has both keeps the one");
        let changes = world.memory.lock().changes.clone();
        let root = ScopeRoot::Account(account_id());
        for n in [1, 2] {
            let changed = (root.clone(), Change::Subject(subject(n)));
            assert!(changes.contains(&changed), "{changes:?}");
        }
        let audited = changes.iter().find_map(|(of, change)| match change {
            Change::Audited(entry) if *of == root => Some(entry),
            _ => None,
        });
        let entry = audited.unwrap();
        assert_eq!(
            (&*entry.details["role"], &*entry.details["replaced_by"]),
            ("clerk", "guest")
        );
    }

    #[tokio::test]
    async fn bindings_end_where_no_role_takes_their_place() {
        let world = clerks().await;
        let made = run(&world, without_clerk(), &[ends("clerk")]).await.unwrap();
        assert!(
            made.differences
                .contains(&"- bindings of `clerk`: 2 end".to_owned())
        );
        assert!(world.roles(1, &account()).await.is_empty());
    }

    #[tokio::test]
    async fn bindings_at_levels_that_the_role_keeps_stay() {
        let world = clerks().await;
        world.bind(&subject(3), "clerk", &workspace()).await;
        let only_workspace = MANIFEST.replace("account: {permissions: [project.edit]}, ", "");
        run(&world, only_workspace, &[ends("clerk")]).await.unwrap();
        assert!(world.roles(1, &account()).await.is_empty());
        assert_eq!(world.roles(3, &workspace()).await, ["clerk"]);
    }

    #[tokio::test]
    async fn a_role_is_replaced_once_by_a_role_of_the_new_manifest_that_fits() {
        let world = clerks().await;
        world.bind(&subject(3), "clerk", &workspace()).await;
        let (by, role) = ("role_replacements[0].replaced_by", "role_replacements[1].role");
        let unknown = faults(&world, &[becomes("clerk", "pilot")]).await;
        assert_eq!(
            unknown,
            [(by.to_owned(), "must be a role of the new manifest".to_owned())]
        );
        let held = faults(&world, &[becomes("clerk", "owner")]).await;
        assert_eq!(
            held,
            [(by.to_owned(), "must not be a role with `holders`".to_owned())]
        );
        let level = "must be a role that can be bound at level `workspace`, where `clerk` is bound";
        let narrow = faults(&world, &[becomes("clerk", "guest"), ends("clerk")]).await;
        let twice = (role.to_owned(), "must be named once".to_owned());
        assert_eq!(narrow, [(by.to_owned(), level.to_owned()), twice]);
        assert_eq!(world.roles(1, &account()).await, ["clerk"]);
    }

    #[tokio::test]
    async fn more_bindings_than_one_transaction_changes_are_reassigned_before() {
        let world = clerks().await;
        let pattern = world.bind(&subject(3), "clerk", &account()).await;
        world
            .put(async |write| {
                for n in 0..MOST {
                    let more = Binding {
                        id: BindingId::from_uuid(uuid::Uuid::from_u128(n.into())),
                        subject: subject(u128::from(n) + 10),
                        ..pattern.clone()
                    };
                    crate::binding::Writer::put_binding(write, &more).await?;
                }
                Ok(())
            })
            .await;
        let refused = run(&world, without_clerk(), &[ends("clerk")]).await;
        assert!(matches!(refused, Err(Error::TooMany(MOST))));
    }
}
