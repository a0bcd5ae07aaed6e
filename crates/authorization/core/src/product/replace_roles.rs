//! What becomes of bindings whose role a manifest takes away: another role takes its place, or they end.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_policy::Product;
use bailiwick_types::{
    AccountId, AllAccounts, BindingId, IdGen, Level, Scope, Subject, Timestamp, Violations,
};

use crate::product::apply::{Error, Plan};
use crate::{Audit, Change, Ports, Read, StoreError, Unit, binding::Binding, product::Replacement};

const ACTION: &str = "bailiwick.authorization.v1.ProductService/ApplyProduct";
/// More bindings than this are not changed in one transaction, which holds up all their accounts.
const MOST: u64 = 10_000;

/// The accounts that would have to be locked.
pub(crate) async fn accounts(
    ports: &Ports,
    all: AllAccounts,
    product: &bailiwick_types::ProductName,
    replacements: &[Replacement],
) -> Result<BTreeSet<AccountId>, Error> {
    if replacements.is_empty() {
        return Ok(BTreeSet::new());
    }
    let read = ports.store.read_all(all).await?;
    let bound = bound(&*read, product, replacements).await?;
    Ok(bound.iter().map(|binding| binding.account).collect())
}

async fn bound(
    read: &(impl Read + ?Sized),
    product: &bailiwick_types::ProductName,
    replacements: &[Replacement],
) -> Result<Vec<Binding>, Error> {
    let roles: Vec<String> = replacements.iter().map(|told| told.role.clone()).collect();
    let bound = read.bound(product, &roles, MOST + 1).await?;
    if bound.len() as u64 > MOST {
        return Err(Error::TooMany(MOST));
    }
    Ok(bound)
}

/// The bindings that change.
#[derive(Default)]
pub(crate) struct Moves {
    /// Each with the role that takes the place of its own.
    all: Vec<(Binding, Option<String>)>,
}

/// Finds the bindings that do not fit the new manifest any more, under the locks of `accounts`; none where nothing is going to be
/// written.
pub(crate) async fn plan(
    read: &(impl Read + ?Sized),
    plan: &Plan,
    replacements: &[Replacement],
    accounts: Option<&BTreeSet<AccountId>>,
) -> Result<Moves, Error> {
    if replacements.is_empty() {
        return Ok(Moves::default());
    }
    let bound: Vec<Binding> = bound(read, &plan.product.name, replacements)
        .await?
        .into_iter()
        .filter(|binding| !fits(&plan.compiled, &binding.role, binding.scope.level()))
        .collect();
    fit(&plan.compiled, &bound, replacements).map_err(Error::Replacement)?;
    let locked = |account: &AccountId| accounts.is_none_or(|accounts| accounts.contains(account));
    if !bound.iter().all(|binding| locked(&binding.account)) {
        return Err(Error::Meanwhile);
    }
    let by = |role: &str| {
        let told = replacements.iter().find(|told| told.role == role);
        told.and_then(|told| told.by.clone())
    };
    let all = bound
        .into_iter()
        .map(|binding| {
            let by = by(&binding.role);
            (binding, by)
        })
        .collect();
    Ok(Moves { all })
}

fn fits(product: &Product, role: &str, level: Level) -> bool {
    let role = product.role_no(role).and_then(|no| product.role(no));
    role.is_some_and(|role| role.level(level).is_some())
}

/// All violations of what is told.
fn fit(product: &Product, bound: &[Binding], replacements: &[Replacement]) -> Result<(), Violations> {
    let mut violations = Violations::new();
    let mut seen = BTreeSet::new();
    for (n, told) in replacements.iter().enumerate() {
        let mut add =
            |name: &str, rule: String| violations.add(format!("role_replacements[{n}].{name}"), rule);
        if !seen.insert(&told.role) {
            add("role", "must be named once".to_owned());
        }
        let Some(by) = &told.by else { continue };
        let role = product.role_no(by).and_then(|no| product.role(no));
        match role {
            None => add("replaced_by", "must be a role of the new manifest".to_owned()),
            // Ownership is transferred and not given; that there is one of it is no matter of a manifest.
            Some(role) if role.holders.is_some() => {
                add("replaced_by", "must not be a role with `holders`".to_owned());
            }
            Some(_) => {
                let levels: BTreeSet<Level> = bound
                    .iter()
                    .filter(|binding| binding.role == told.role)
                    .map(|binding| binding.scope.level())
                    .filter(|level| !fits(product, by, *level))
                    .collect();
                for level in levels {
                    let rule = format!(
                        "must be a role that can be bound at level `{level}`, where `{}` is bound",
                        told.role
                    );
                    add("replaced_by", rule);
                }
            }
        }
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(violations)
    }
}

impl Moves {
    /// What happens, a line for each role.
    pub(crate) fn lines(&self) -> Vec<String> {
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
    pub(crate) async fn come(
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
    pub(crate) async fn apply(
        self,
        all: AllAccounts,
        unit: &mut (dyn Unit + Send + Sync),
        ids: &dyn IdGen,
        actor: Option<&Subject>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut given = BTreeSet::new();
        for (binding, by) in self.all {
            let root = bailiwick_types::ScopeRoot::Account(binding.account);
            unit.select(all.account(binding.account));
            unit.remove_binding(&binding).await?;
            if let Some(next) = successor(&*unit, &binding, by.as_deref(), &mut given).await? {
                let next = Binding {
                    id: BindingId::from_uuid(ids.uuid()),
                    created_at: now,
                    creator: actor.cloned(),
                    ..next
                };
                unit.put_binding(&next).await?;
            }
            unit.emit(root.clone(), Change::of_subject(&binding.subject));
            let audit = Audit::new(actor.cloned(), ACTION, binding.scope.to_string())
                .with("subject", &binding.subject)
                .with("role", &binding.role)
                .with("replaced_by", by.as_deref().unwrap_or("nothing"));
            unit.emit(root, audit.into());
        }
        Ok(())
    }
}

/// What comes in the place of a binding. Who has both roles, or gets one by two ways, keeps the one binding, which may last
/// longer or mean more.
async fn successor(
    read: &(impl Read + ?Sized),
    binding: &Binding,
    by: Option<&str>,
    given: &mut BTreeSet<(AccountId, Subject, String, Scope)>,
) -> Result<Option<Binding>, StoreError> {
    let Some(by) = by else { return Ok(None) };
    let there = read.binding(&binding.subject, by, &binding.scope).await?;
    let key = (
        binding.account,
        binding.subject.clone(),
        by.to_owned(),
        binding.scope.clone(),
    );
    let comes = there.is_none() && given.insert(key);
    Ok(comes.then(|| Binding {
        role: by.to_owned(),
        ..binding.clone()
    }))
}
