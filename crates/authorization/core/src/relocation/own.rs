//! What the mover holds in a workspace before and after its move: it must not come to hold more.

use std::collections::{BTreeMap, BTreeSet};

use bailiwick_policy::{HeldPermissions, PermissionBits, Product, Target, permissions_held};

use super::{Relocation, leaving::Leaving};
use crate::prelude::*;
use crate::{
    Aim, On, Read, Situation, gains,
    grant::AppliesTo,
    preview::look,
    resource::{Name, Resource, grows},
};

/// The mover with everybody that it stands for, and where these could come to hold more.
pub(super) struct Own {
    subjects: Vec<Subject>,
    scope: Scope,
    /// The workspace, and what stands for resources that are made in it later.
    points: Vec<(Subject, Spot)>,
    /// Resources outside of the workspace, above some in it.
    outside: Vec<Resource>,
}

impl Own {
    pub(super) async fn find(
        read: &(impl Read + ?Sized),
        of: &Relocation,
        leaving: &Leaving,
    ) -> Result<Self, StoreError> {
        let on = Spot::On(On::Scope(of.scope.clone()));
        let types = leaving.types().into_iter().map(|name| Spot::Type {
            of: name.to_owned(),
            scope: of.scope.clone(),
            applies_to: AppliesTo::All,
        });
        let spots: Vec<Spot> = std::iter::once(on).chain(types).collect();
        let subject = of.mover.as_ref().map(|mover| &mover.subject);
        let subjects: Vec<Subject> = match subject {
            Some(subject) => gains::own_subjects(read, subject).await?.into_iter().collect(),
            None => Vec::new(),
        };
        let pair = |subject: &Subject| -> Vec<(Subject, Spot)> {
            let spots = spots.iter().cloned();
            spots.map(|spot| (subject.clone(), spot)).collect()
        };
        Ok(Self {
            points: subjects.iter().flat_map(pair).collect(),
            subjects,
            scope: of.scope.clone(),
            outside: outside(read, &leaving.resources).await?,
        })
    }

    /// What they hold on the workspace, on each of the resources in it, and on later ones.
    pub(super) async fn held(
        &self,
        read: &(impl Read + ?Sized),
        resources: &[Resource],
        now: Timestamp,
    ) -> Result<Vec<HeldPermissions>, StoreError> {
        let keys: Vec<String> = self.points.iter().map(|(_, spot)| spot.key()).collect();
        let points: Vec<_> = self
            .points
            .iter()
            .zip(&keys)
            .map(|((subject, spot), key)| (subject, key.as_str(), spot))
            .collect();
        let mut all = look(read, None, &points, now).await?;
        let scopes: BTreeSet<&Scope> = resources
            .iter()
            .map(|one| &one.scope)
            .chain([&self.scope])
            .collect();
        let Some(here) = Situation::load(read, scopes).await? else {
            return Err(StoreError::internal("the account of a move is gone"));
        };
        let known = resources.iter().chain(&self.outside);
        let known: BTreeMap<&Name, &Resource> = known.map(|one| (&one.name, one)).collect();
        let product = here.policy.product();
        let aims: Vec<Aim> = resources
            .iter()
            .map(|one| Aim::among(product, one, &known))
            .collect();
        let standings = here.whole_standings(read, &self.subjects).await?;
        for (subject, standing) in self.subjects.iter().zip(&standings) {
            let ask = |target: Target<'_>| {
                let request = here.plain_request();
                here.ask_about(subject, standing, target, request, now, permissions_held)
            };
            all.extend(aims.iter().map(|aim| aim.target(ask)));
        }
        Ok(all)
    }

    /// Whether they come to hold more of the product's own verbs anywhere.
    pub(super) fn grows(
        &self,
        leaving: &Leaving,
        before: &[HeldPermissions],
        after: &[HeldPermissions],
    ) -> bool {
        let product = leaving.situation.policy.product();
        let more = |(before, after)| grows(&own_verbs(product, before), &own_verbs(product, after));
        before.len() != after.len() || before.iter().zip(after).any(more)
    }
}

/// The resources above some that are not among them, with those above these.
async fn outside(read: &(impl Read + ?Sized), resources: &[Resource]) -> Result<Vec<Resource>, StoreError> {
    let mut seen: BTreeSet<Name> = resources.iter().map(|one| one.name.clone()).collect();
    let mut open: Vec<Name> = resources.iter().filter_map(|one| one.parent.clone()).collect();
    let mut outside = Vec::new();
    while let Some(name) = open.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        if let Some(found) = read.resource(&name).await? {
            open.extend(found.parent.clone());
            outside.push(found);
        }
    }
    Ok(outside)
}

/// The permissions on the product's own verbs. The suite's verbs, which administer the workspace, come from
/// its account: creating a workspace there gives them too.
fn own_verbs(product: &Product, held: &HeldPermissions) -> HeldPermissions {
    let only = |bits: &PermissionBits| {
        let mut own = PermissionBits::default();
        for no in bits.iter() {
            let of = product
                .permission(no)
                .and_then(|info| product.type_info(info.type_no));
            if of.is_some_and(|of| !of.suite) {
                own.insert(no);
            }
        }
        own
    };
    HeldPermissions {
        allowed: only(&held.allowed),
        held: only(&held.held),
        needs_approval: only(&held.needs_approval),
        undecided: only(&held.undecided),
    }
}
