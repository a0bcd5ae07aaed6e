//! Resources of a draft that are found one by one.

use crate::{
    StoreError,
    resource::{Name, Reader, Resource},
};

use super::{ALL, Draft};

/// The resources of a type with these ids, by id.
pub(super) async fn named(draft: &Draft, of: &str, ids: &[&str]) -> Result<Vec<Resource>, StoreError> {
    let mut found: Vec<Resource> = Vec::with_capacity(ids.len());
    for id in ids {
        let name = Name {
            of: of.to_owned(),
            id: (*id).to_owned(),
        };
        found.extend(draft.resource(&name).await?);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// How many levels of resources are below one, at most `most`.
pub(super) async fn levels_below(draft: &Draft, name: &Name, most: usize) -> Result<usize, StoreError> {
    let (mut levels, mut level) = (0, vec![name.clone()]);
    while levels < most {
        let mut next = Vec::new();
        for above in level {
            let below = draft.children(&above, None, ALL).await?;
            next.extend(below.into_iter().map(|child| child.name));
        }
        if next.is_empty() {
            break;
        }
        (levels, level) = (levels + 1, next);
    }
    Ok(levels)
}
