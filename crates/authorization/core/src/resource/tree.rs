//! The tree that resources form by their parents.

use std::collections::BTreeSet;

use crate::prelude::*;
use crate::{Read, preview::MOST, resource::Name};

/// The longest way up from a resource that is followed.
const STEPS: usize = 64;

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

/// A resource with those above it.
pub(crate) async fn with_all_above(
    read: &(impl Read + ?Sized),
    first: &Name,
) -> Result<BTreeSet<Name>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut next = Some(first.clone());
    while let Some(name) = next.take() {
        let found = read.resource(&name).await?;
        if seen.insert(name) && seen.len() <= STEPS {
            next = found.and_then(|found| found.parent);
        }
    }
    Ok(seen)
}
