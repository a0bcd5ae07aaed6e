//! Tells who would gain or lose what if a manifest were applied, account by account, page by page.

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_types::{
    AccountId, Authorized, Scope, StoreError, Subject, UserId, faults, method::authorization::PreviewProduct,
};
use uuid::Uuid;

use super::{
    Product, Replacement, apply,
    plan::{Plan, Proposal},
};
use crate::{
    Ports, Precondition, Read, binding,
    compiling::compiling,
    grant,
    preview::{Effect, Points, Spot, Would, effects, kinds_with, look},
};

/// Bindings, grants or members that are looked at together.
const BATCH: u64 = 100;

/// The most of them that one call looks at: a page may be empty, and the next one goes on.
const LOOKED_AT: u64 = 2_000;

/// Where a page ends: in an account, among its bindings, grants or members, after that row.
pub type After = (AccountId, u8, Option<Uuid>);

/// What is asked.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The manifest, YAML.
    pub source: String,
    /// What would become of the bindings of roles that it removes.
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

faults! {
    /// Why nothing is previewed.
    Error: Apply(apply::Error), Precondition(Precondition), Store(StoreError);
}

/// Looks at a page. A manifest that could not be applied is refused as if it were.
///
/// # Errors
/// See [`Error`].
pub async fn preview(
    ports: &Ports,
    by: &Authorized<PreviewProduct>,
    preview: Preview,
) -> Result<Page, Error> {
    let all = by.all_accounts().ok_or(StoreError::internal(
        "a manifest is previewed by a call that names no account",
    ))?;
    let proposal = Proposal::read(preview.source, preview.replacements).await?;
    let mut read = ports.store.read_all(all).await?;
    let now = ports.clock.now();
    let plan = proposal.plan(&*read, None, now).await?;
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
    let mut at = match preview.after {
        Some(after) => Some(after),
        None => first(&*read, &plan, None).await?,
    };
    while let Some((account, kind, after)) = at {
        if page.effects.len() >= preview.size || looked_at >= LOOKED_AT {
            page.next = at;
            break;
        }
        read.select(all.account(account));
        if sides.as_ref().is_none_or(|sides| sides.account != account) {
            sides = Sides::load(&*read, account, &plan, before).await?;
        }
        let Some(sides) = &sides else {
            at = first(&*read, &plan, Some(account)).await?;
            continue;
        };
        let (points, last) = sides.points(&*read, kind, after).await?;
        if points.are_too_many() {
            return Err(Precondition::PreviewTooLarge.into());
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
        plan: &Plan,
        before: &Product,
    ) -> Result<Option<Self>, StoreError> {
        let Some(account) = read.account().await? else {
            return Ok(None);
        };
        let old = read.policy(&account).await?;
        let (was, product) = (Arc::clone(&old), Arc::clone(&plan.compiled));
        let new = compiling(move || was.under(product)).await?;
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
                bindings: plan.moves.come(read, id).await?,
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
                    let at = Scope::Account(account);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{World, account, subject},
        product::stage::{MANIFEST, becomes, changed, without_clerk},
    };

    async fn page(world: &World, source: &str, after: Option<After>, size: usize) -> Result<Page, Error> {
        let command = Preview {
            source: source.to_owned(),
            replacements: vec![becomes("clerk", "guest")],
            after,
            size,
        };
        preview(&world.ports, &world.by_deployment(), command).await
    }

    /// A clerk and a guest under the manifest.
    async fn stage() -> World {
        let world = World::new().await;
        world.use_manifest(MANIFEST);
        world.product(MANIFEST).await;
        world.member(1, "clerk").await;
        world.member(2, "guest").await;
        world
    }

    #[tokio::test]
    async fn a_preview_tells_who_gains_or_loses_what_and_writes_nothing() {
        let world = stage().await;
        let page_of = page(&world, &changed(), None, 50).await.unwrap();
        assert_eq!((page_of.version, page_of.next), (2, None));
        let [effect] = &page_of.effects[..] else {
            panic!("{:?}", page_of.effects)
        };
        assert_eq!(
            (&effect.subject, &effect.gains[..]),
            (&subject(2), &["project.edit".to_owned()][..])
        );
        assert_eq!(world.told(), []);
        assert_eq!(world.roles(2, &account()).await, ["guest"]);
    }

    #[tokio::test]
    async fn a_replaced_role_counts_as_the_one_in_its_place() {
        let world = stage().await;
        let page = page(&world, &without_clerk(), None, 50).await.unwrap();
        assert!(
            page.differences
                .contains(&"~ bindings of `clerk`: 1 become `guest`".to_owned())
        );
        let [effect] = &page.effects[..] else {
            panic!("{:?}", page.effects)
        };
        assert_eq!(
            (&effect.subject, &effect.loses[..]),
            (&subject(1), &["project.edit".to_owned()][..])
        );
    }

    #[tokio::test]
    async fn pages_go_on_where_the_last_one_ended() {
        let world = stage().await;
        for n in 0..150 {
            world.bind(&subject(100 + n), "guest", &account()).await;
            world.member(100 + n, "").await;
        }
        let (mut after, mut found, mut pages) = (None, 0, 0);
        loop {
            let page = page(&world, &changed(), after, 1).await.unwrap();
            (after, found, pages) = (page.next, found + page.effects.len(), pages + 1);
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, 151);
        assert!(pages >= 2, "{pages}");
    }

    #[tokio::test]
    async fn nothing_changes_for_anybody_where_the_product_is_new_or_the_same() {
        let world = stage().await;
        let same = page(&world, MANIFEST, None, 50).await.unwrap();
        assert_eq!(
            (same.version, same.effects, same.differences),
            (1, vec![], vec![])
        );
        let new = MANIFEST.replace("product: studio", "product: shop");
        let new = page(&world, &new, None, 50).await.unwrap();
        assert_eq!((new.version, new.effects), (1, vec![]));
    }

    #[tokio::test]
    async fn a_manifest_that_cannot_be_applied_is_refused_in_the_same_words() {
        let world = stage().await;
        let refused = page(&world, "product: [", None, 50).await;
        assert!(matches!(refused, Err(Error::Apply(apply::Error::Manifest(_)))));
        let unguarded = without_clerk().replace("  guest: ", "  other: ");
        let refused = page(&world, &unguarded, None, 50).await;
        assert!(matches!(refused, Err(Error::Apply(apply::Error::RoleInUse(_)))));
    }

    #[tokio::test]
    async fn a_change_that_reaches_too_many_is_not_previewed() {
        let world = stage().await;
        let all: Vec<Subject> = (0..10_001).map(|n| subject(1_000 + n)).collect();
        let group = world.group(&all).await;
        world.bind(&Subject::group(group), "guest", &account()).await;
        let refused = page(&world, &changed(), None, 50).await;
        assert!(matches!(
            refused,
            Err(Error::Precondition(Precondition::PreviewTooLarge))
        ));
    }
}
