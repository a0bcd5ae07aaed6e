//! What people have where.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bailiwick_policy::{
    AccountPolicy, Attributes, HeldPermissions, PermissionSet, PlaceId, Product, Resource, StoredSubject,
    Target, permissions_held,
};
use bailiwick_types::{Scope, Subject, Timestamp};

use super::{Point, Spot};
use crate::{Aim, Read, Situation, Standing, StoreError, binding::Binding, grant::AppliesTo};

/// An account as it would be under another manifest.
#[derive(Debug)]
pub(crate) struct Would {
    /// What would decide in it.
    pub(crate) policy: Arc<AccountPolicy>,
    /// Bindings that would take the place of some whose role is gone, by who would have them.
    pub(crate) bindings: BTreeMap<Subject, Vec<Binding>>,
}

impl Would {
    /// Adds the bindings that would be there. Those in whose place they come give nothing any more.
    fn complete(&self, standing: &mut Standing) {
        let holders = standing.sets.iter().map(|set| set.subject());
        let more: Vec<_> = holders
            .filter_map(|holder| self.bindings.get(holder))
            .flatten()
            .map(|binding| self.set(binding))
            .collect();
        standing.sets.extend(more);
    }
    fn set(&self, binding: &Binding) -> Arc<PermissionSet> {
        let mut rows = StoredSubject::new(binding.subject.clone());
        rows.bindings.push(binding.stored(&self.policy));
        Arc::new(rows.set(&self.policy))
    }
}

/// What everybody has at their places, in the order of the points.
pub(crate) async fn look(
    read: &(impl Read + ?Sized),
    would: Option<&Would>,
    points: &[Point<'_>],
    now: Timestamp,
) -> Result<Vec<HeldPermissions>, StoreError> {
    let Some(bare) = Situation::load(read, []).await? else {
        return Ok(vec![HeldPermissions::default(); points.len()]);
    };
    let mut aims: BTreeMap<&str, Aim> = BTreeMap::new();
    let mut subjects: Vec<Subject> = Vec::new();
    for (subject, key, spot) in points {
        if let (Spot::On(on), false) = (spot, aims.contains_key(key)) {
            let aim = Aim::load(read, &bare.policy, on.clone()).await?;
            aims.insert(key, aim);
        }
        if subjects.last() != Some(*subject) {
            subjects.push((*subject).clone());
        }
    }
    let scopes: BTreeSet<Scope> = points
        .iter()
        .filter_map(|(_, key, spot)| match aims.get(key) {
            Some(aim) => aim.scope.clone(),
            None => spot.scope().cloned(),
        })
        .collect();
    let mut here = Situation::load(read, &scopes).await?.unwrap_or(bare);
    if let Some(would) = would {
        here = here.with_policy(Arc::clone(&would.policy));
    }
    let mut standings = here.whole_standings(read, &subjects).await?;
    if let Some(would) = would {
        standings.iter_mut().for_each(|standing| would.complete(standing));
    }
    let mut all = Vec::with_capacity(points.len());
    let mut standings = subjects.iter().zip(&standings).peekable();
    for (subject, key, spot) in points {
        while standings.next_if(|(of, _)| of != subject).is_some() {}
        let Some((_, standing)) = standings.peek() else {
            return Err(StoreError::internal("every point has a standing"));
        };
        let ask = |target: Target<'_>| {
            let request = here.plain_request();
            here.ask_about(subject, standing, target, request, now, permissions_held)
        };
        all.push(match (spot, aims.get(key)) {
            (Spot::On(_), Some(aim)) => aim.target(ask),
            (Spot::On(_), None) => HeldPermissions::default(),
            (
                Spot::Type {
                    of,
                    scope,
                    applies_to,
                },
                _,
            ) => standing_for(here.policy.product(), of, scope, *applies_to)
                .map_or_else(HeldPermissions::default, |one| ask(Target::Resource(&[&one]))),
        });
    }
    Ok(all)
}

/// A resource that stands for those of a type which a grant reaches.
fn standing_for(product: &Product, of: &str, scope: &Scope, applies_to: AppliesTo) -> Option<Resource> {
    Some(Resource {
        type_no: product.type_no(of)?,
        id: "".into(),
        place: PlaceId::from(scope),
        owner: None,
        parent: None,
        attributes: Attributes::default(),
        registered: match applies_to {
            AppliesTo::Existing => 0,
            AppliesTo::Future | AppliesTo::All => u64::MAX,
        },
    })
}
