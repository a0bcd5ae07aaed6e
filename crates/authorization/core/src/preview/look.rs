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

/// Subjects whose rows are read together. Each may have very many.
const SUBJECTS: usize = 20;

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

/// What everybody has at their places, in the order of the points, which are subject by subject.
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
    for (_, key, spot) in points {
        if let (Spot::On(on), false) = (spot, aims.contains_key(key)) {
            let aim = Aim::load(read, &bare.policy, on.clone()).await?;
            aims.insert(key, aim);
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
    let mut all = Vec::with_capacity(points.len());
    let of_subjects: Vec<&[Point<'_>]> = points.chunk_by(|a, b| a.0 == b.0).collect();
    for some in of_subjects.chunks(SUBJECTS) {
        let subjects = some.iter().filter_map(|points| points.first());
        let subjects: Vec<Subject> = subjects.map(|(subject, _, _)| (*subject).clone()).collect();
        let mut standings = here.whole_standings(read, &subjects).await?;
        if let Some(would) = would {
            standings.iter_mut().for_each(|standing| would.complete(standing));
        }
        for (points, standing) in some.iter().zip(&standings) {
            let held = points
                .iter()
                .map(|point| held(&here, *point, aims.get(point.1), standing, now));
            all.extend(held);
        }
    }
    Ok(all)
}

fn held(
    here: &Situation,
    (subject, _, spot): Point<'_>,
    aim: Option<&Aim>,
    standing: &Standing,
    now: Timestamp,
) -> HeldPermissions {
    let ask = |target: Target<'_>| {
        let request = here.plain_request();
        here.ask_about(subject, standing, target, request, now, permissions_held)
    };
    match (spot, aim) {
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
    }
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

#[cfg(test)]
mod tests {
    use bailiwick_types::Subject;
    use serde_json::Map;

    use super::SUBJECTS;
    use crate::{
        binding::assign::Assign,
        memory::{World, account, subject},
    };

    #[tokio::test]
    async fn everybody_is_looked_at_once_however_many_they_are() {
        let world = World::new().await;
        world.member(1, "admin").await;
        let users: Vec<u128> = (2..=SUBJECTS as u128 * 2 + 3).collect();
        for n in users.iter().copied() {
            // Every third has by itself what the group would give.
            world.member(n, if n % 3 == 0 { "editor" } else { "" }).await;
        }
        let all: Vec<Subject> = users.iter().copied().map(subject).collect();
        let group = world.group(&all).await;
        let assign = Assign {
            subject: Subject::group(group),
            role: "viewer".to_owned(),
            scope: account(),
            parameters: Map::new(),
            expires_at: None,
            key: None,
            replace: false,
        };
        let effects = world.preview(1, assign).await.unwrap();
        let gained: Vec<&Subject> = effects.iter().map(|effect| &effect.subject).collect();
        let without = users.into_iter().filter(|n| n % 3 != 0);
        let mut expected: Vec<Subject> = without.map(subject).collect();
        expected.sort();
        assert_eq!(gained, expected.iter().collect::<Vec<_>>());
        assert!(
            effects
                .iter()
                .all(|effect| effect.gains.contains(&"project.view".to_owned()))
        );
    }
}
