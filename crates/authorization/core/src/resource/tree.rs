//! The tree that resources form by their parents.

use std::collections::BTreeSet;

use bailiwick_policy::MAX_PARENTS;

use crate::prelude::*;
use crate::{Read, aim::too_deep, preview::MOST, resource::Name};

/// A resource with everything below it. The walk stops once there is more than a preview may show.
pub(crate) async fn with_all_below(
    read: &(impl Read + ?Sized),
    first: &Name,
) -> Result<Vec<Name>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut open = vec![first.clone()];
    while let Some(name) = open.pop() {
        if seen.len() > MOST {
            break;
        }
        let below = read.children(&name, None, MOST as u64 + 1).await?;
        if seen.insert(name) {
            open.extend(below.into_iter().map(|child| child.name));
        }
    }
    Ok(seen.into_iter().collect())
}

/// Refuses a parent that is not there, one that is below the resource, and one below which the resource or
/// something below it would have more above it than decisions go through.
pub(super) async fn check_parent(
    read: &(impl Read + ?Sized),
    name: &Name,
    parent: &Name,
) -> Result<(), Error> {
    let mut above = 0;
    let mut next = Some(parent.clone());
    while let Some(at) = next {
        if at == *name {
            return Err(Error::Precondition(Precondition::ResourceCycle));
        }
        let found = read.resource(&at).await?;
        if found.is_none() && at == *parent {
            return Err(Refused::NotFound("parent").into());
        }
        above += 1;
        if above > MAX_PARENTS {
            return Err(Error::Precondition(Precondition::ResourceTooDeep(MAX_PARENTS)));
        }
        next = found.and_then(|found| found.parent);
    }
    let admitted = MAX_PARENTS - above;
    if read.levels_below(name, admitted + 1).await? > admitted {
        return Err(Error::Precondition(Precondition::ResourceTooDeep(MAX_PARENTS)));
    }
    Ok(())
}

/// A resource with those above it.
pub(crate) async fn with_all_above(
    read: &(impl Read + ?Sized),
    first: &Name,
) -> Result<BTreeSet<Name>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut next = Some(first.clone());
    while let Some(name) = next.take() {
        if seen.len() > MAX_PARENTS || seen.contains(&name) {
            return Err(too_deep(first));
        }
        let found = read.resource(&name).await?;
        seen.insert(name);
        next = found.and_then(|found| found.parent);
    }
    Ok(seen)
}
