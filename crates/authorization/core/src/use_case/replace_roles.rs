//! What becomes of bindings whose role a manifest takes away: another role takes its place, or they end.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_policy::Product;
use bailiwick_types::{AccountId, BindingId, IdGen, Level, Subject, Timestamp, Violations};

use super::apply_product::{Error, Plan};
use crate::{Audit, Change, Ports, Read, Unit, binding::Binding, product::Replacement};

const ACTION: &str = "bailiwick.authorization.v1.ProductService/ApplyProduct";
/// More bindings than this are not changed in one transaction, which holds up all their accounts.
const MOST: u64 = 10_000;

/// The accounts that would have to be locked.
pub(super) async fn accounts(
    ports: &Ports,
    product: &bailiwick_types::ProductName,
    replacements: &[Replacement],
) -> Result<BTreeSet<AccountId>, Error> {
    if replacements.is_empty() {
        return Ok(BTreeSet::new());
    }
    let read = ports.store.read_all().await?;
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
pub(super) struct Moves {
    /// Each with the role that takes the place of its own.
    all: Vec<(Binding, Option<String>)>,
}

/// Finds the bindings that do not fit the new manifest any more, under the locks of `accounts`.
pub(super) async fn plan(
    read: &(impl Read + ?Sized),
    plan: &Plan,
    replacements: &[Replacement],
    accounts: &BTreeSet<AccountId>,
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
    if bound.iter().any(|binding| !accounts.contains(&binding.account)) {
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

    /// Changes them.
    pub(super) async fn apply(
        self,
        unit: &mut (dyn Unit + Send + Sync),
        ids: &dyn IdGen,
        actor: Option<&Subject>,
        now: Timestamp,
    ) -> Result<(), Error> {
        for (binding, by) in self.all {
            let root = bailiwick_types::ScopeRoot::Account(binding.account);
            unit.remove_binding(binding.account, binding.id).await?;
            if let Some(by) = &by {
                let there = unit
                    .binding(binding.account, &binding.subject, by, &binding.scope)
                    .await?;
                // Who has both roles keeps the one binding, which may last longer or mean more.
                if there.is_none() {
                    let replaced = Binding {
                        id: BindingId::from_uuid(ids.uuid()),
                        role: by.clone(),
                        created_at: now,
                        creator: actor.cloned(),
                        ..binding.clone()
                    };
                    unit.put_binding(&replaced).await?;
                }
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
