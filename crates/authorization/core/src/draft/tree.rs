//! Resources of a draft that are found one by one.

use std::collections::BTreeSet;

use crate::{
    StoreError,
    resource::{Name, Reader, Resource},
};

use super::{ALL, Draft};

/// The resources of a type with these ids, by id.
pub(super) async fn named(draft: &Draft, of: &str, ids: &[&str]) -> Result<Vec<Resource>, StoreError> {
    let names = ids.iter().map(|id| Name {
        of: of.to_owned(),
        id: (*id).to_owned(),
    });
    let names: BTreeSet<Name> = names.collect();
    let base = draft.of_base(&names.iter().collect::<Vec<_>>()).await?;
    let name = |one: &Resource| one.name.clone();
    let fits = |one: &Resource| names.contains(&one.name);
    Ok(draft.rows.resources.page(base, name, fits, name, ALL))
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
