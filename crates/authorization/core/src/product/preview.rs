//! Tells who would gain or lose what if a manifest were applied, account by account, page by page.

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_policy::AccountPolicy;
use bailiwick_types::{AccountId, Authorized, StoreError, Subject, UserId};
use uuid::Uuid;

use crate::{Ports, Read, binding, grant, product::Replacement};
use crate::{
    preview::{self, Effect, Points, Spot, Would, effects, kinds_with, look},
    product::apply::{Plan, plan, read_manifest},
    product::replace_roles::Moves,
    role::{custom_roles, overlays},
};

/// Bindings, grants or members that are looked at together.
const BATCH: u64 = 100;

/// The most of them that one call looks at: a page may be empty, and the next one goes on.
const LOOKED_AT: u64 = 2_000;

/// Where a page ends: in an account, among its bindings, grants or members, after that row.
pub type After = (AccountId, u8, Option<Uuid>);

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The manifest, YAML.
    pub source: String,
    /// What would become of the bindings of roles that it takes away.
    pub replacements: Vec<Replacement>,
    /// Where the page before ended.
    pub after: Option<After>,
    /// How many rows end a page. What comes with the last of them is told too.
    pub size: usize,
}

/// A page of what would be.
#[derive(Debug, Clone)]
pub struct Page {
    /// The version that the product would have.
    pub version: u64,
    /// The differences of the manifests, a line each.
    pub differences: Vec<String>,
    /// Who would gain or lose what.
    pub effects: Vec<Effect>,
    /// Where the page ends; none on the last.
    pub next: Option<After>,
}

/// Why nothing is told.
pub type Error = preview::Error<crate::product::apply::Error>;

/// Looks at a page. What is at fault with the manifest is told as if it were applied.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<Page, Error> {
    let all = by
        .all_accounts()
        .ok_or(StoreError::internal("a manifest is applied in no account"))?;
    let manifest = read_manifest(&command.source).map_err(Error::Change)?;
    let mut read = ports.store.read_all(all).await?;
    let now = ports.clock.now();
    let mut plan = plan(&*read, manifest, command.source, now, &command.replacements)
        .await
        .map_err(Error::Change)?;
    let mut moves = Moves::default();
    if plan.changed {
        moves = crate::product::replace_roles::plan(&*read, &plan, &command.replacements, None)
            .await
            .map_err(Error::Change)?;
        plan.differences.extend(moves.lines());
    }
    let mut page = Page {
        version: plan.product.version,
        differences: plan.differences.clone(),
        effects: Vec::new(),
        next: None,
    };
    let Some(before) = plan.before.as_ref().filter(|_| plan.changed) else {
        return Ok(page);
    };
    let mut sides: Option<Sides> = None;
    let mut looked_at = 0;
    let mut at = match command.after {
        Some(after) => Some(after),
        None => first(&*read, &plan, None).await?,
    };
    while let Some((account, kind, after)) = at {
        if page.effects.len() >= command.size || looked_at >= LOOKED_AT {
            page.next = at;
            break;
        }
        read.select(all.account(account));
        if sides.as_ref().is_none_or(|sides| sides.account != account) {
            sides = Sides::load(&*read, account, (&plan, &moves), before).await?;
        }
        let Some(sides) = &sides else {
            at = first(&*read, &plan, Some(account)).await?;
            continue;
        };
        let (points, last) = sides.points(&*read, kind, after).await?;
        if points.are_too_many() {
            return Err(Error::TooMany);
        }
        looked_at += BATCH;
        let list = points.list();
        let old = look(&*read, Some(&sides.old), &list, now).await?;
        let new = look(&*read, Some(&sides.new), &list, now).await?;
        let products = [&**sides.new.policy.product(), &**sides.old.policy.product()];
        page.effects
            .extend(effects(account, &list, (&old, &new), &products));
        at = match last {
            Some(last) => Some((account, kind, Some(last))),
            None if kind < MEMBERS => Some((account, kind + 1, None)),
            None => first(&*read, &plan, Some(account)).await?,
        };
    }
    Ok(page)
}

const BINDINGS: u8 = 0;
const GRANTS: u8 = 1;
const MEMBERS: u8 = 2;

async fn first(
    read: &(impl Read + ?Sized),
    plan: &Plan,
    after: Option<AccountId>,
) -> Result<Option<After>, StoreError> {
    let next = read.accounts_of_product(&plan.product.name, after, 1).await?;
    Ok(next.first().map(|account| (*account, BINDINGS, None)))
}

/// An account as it is and as it would be.
struct Sides {
    account: AccountId,
    old: Would,
    new: Would,
    /// The roles that would give something else.
    roles: Vec<String>,
    /// Whether what permissions mean changes: then everything is looked at.
    all: bool,
}

impl Sides {
    async fn load(
        read: &(impl Read + ?Sized),
        id: AccountId,
        (plan, moves): (&Plan, &Moves),
        before: &crate::product::Product,
    ) -> Result<Option<Self>, StoreError> {
        let Some(account) = read.account().await? else {
            return Ok(None);
        };
        let old = read.policy(&account).await?;
        let new = AccountPolicy::compile(
            Arc::clone(&plan.compiled),
            custom_roles(&old),
            overlays(&old),
            account.settings.clone(),
        );
        let roles = old
            .roles()
            .filter(|role| !new.role(role.no).is_some_and(|next| next.gives_the_same(role)))
            .map(|role| role.name.to_string())
            .collect();
        let (was, is) = (&before.manifest, &plan.product.manifest);
        Ok(Some(Self {
            account: id,
            roles,
            all: was.types != is.types || was.settings != is.settings || was.subjects != is.subjects,
            new: Would {
                policy: Arc::new(new),
                bindings: moves.come(read, id).await?,
            },
            old: Would {
                policy: old,
                bindings: BTreeMap::new(),
            },
        }))
    }

    /// Some of the people and places that are to be looked at, and after which row the rest comes.
    async fn points(
        &self,
        read: &(impl Read + ?Sized),
        kind: u8,
        after: Option<Uuid>,
    ) -> Result<(Points, Option<Uuid>), StoreError> {
        let mut points = Points::default();
        let (account, mut last, mut count) = (self.account, None, 0);
        let mut rows: Vec<(Subject, Spot)> = Vec::new();
        match kind {
            BINDINGS if self.all || !self.roles.is_empty() => {
                let filter = binding::Filter::default();
                for row in read.bindings(&filter, after, BATCH).await? {
                    (last, count) = (Some(row.id.uuid()), count + 1);
                    if self.all || self.roles.contains(&row.role) {
                        rows.push((row.subject, Spot::from(&row.scope)));
                    }
                }
            }
            GRANTS if self.all => {
                let filter = grant::Filter::default();
                for row in read.grants(&filter, after, BATCH).await? {
                    (last, count) = (Some(row.id.uuid()), count + 1);
                    rows.push((row.subject, Spot::from(&row.about)));
                }
            }
            MEMBERS => {
                let mut kinds = kinds_with(&self.old.policy, &self.roles);
                kinds.extend(kinds_with(&self.new.policy, &self.roles));
                if !kinds.is_empty() {
                    let after = after.map(UserId::from_uuid);
                    let at = bailiwick_types::Scope::Account(account);
                    for row in read.members(after, BATCH).await? {
                        (last, count) = (Some(row.user.uuid()), count + 1);
                        if kinds.contains(&row.kind) {
                            rows.push((Subject::user(row.user), Spot::from(&at)));
                        }
                    }
                }
            }
            _ => {}
        }
        for (subject, spot) in rows {
            points.add(read, &subject, &[spot]).await?;
        }
        Ok((points, last.filter(|_| count == BATCH)))
    }
}
