//! Places where something may change.

use std::collections::BTreeSet;

use bailiwick_types::{GroupId, Scope, Subject};
use uuid::Uuid;

use super::MOST;
use crate::{
    On, Read, StoreError,
    grant::{About, AppliesTo, Filter},
};

/// Grants that are read at once.
const PAGE: u64 = 1_000;

/// A place where something may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spot {
    /// A scope or a resource.
    On(On),
    /// Resources of a type in a scope: one that the grant reaches stands for them.
    Type {
        of: String,
        scope: Scope,
        applies_to: AppliesTo,
    },
}

impl From<&Scope> for Spot {
    fn from(scope: &Scope) -> Self {
        Self::On(On::Scope(scope.clone()))
    }
}

impl From<&About> for Spot {
    fn from(about: &About) -> Self {
        match about {
            About::Resource(name) => Self::On(On::Resource(name.clone())),
            About::Scope(scope) => scope.into(),
            About::Type {
                of,
                scope,
                applies_to,
            } => Self::Type {
                of: of.clone(),
                scope: scope.clone(),
                applies_to: *applies_to,
            },
        }
    }
}

impl Spot {
    pub(crate) fn key(&self) -> String {
        match self {
            Self::On(on) => on.to_string(),
            Self::Type {
                of,
                scope,
                applies_to,
            } => format!("{scope} {of} {applies_to:?}"),
        }
    }
    pub(crate) fn scope(&self) -> Option<&Scope> {
        match self {
            Self::On(On::Scope(scope)) | Self::Type { scope, .. } => Some(scope),
            Self::On(On::Resource(_)) => None,
        }
    }
}

/// Where these subjects have something by a binding or a grant. More places than a preview looks at are
/// enough to refuse it.
pub(crate) async fn spots_of(
    read: &(impl Read + ?Sized),
    holders: impl IntoIterator<Item = Subject>,
) -> Result<Vec<Spot>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut spots = Vec::new();
    for subject in holders {
        let bindings = read.bindings_of(&subject).await?;
        let bound = bindings.iter().map(|binding| Spot::from(&binding.scope));
        spots.extend(bound.filter(|spot| seen.insert(spot.key())));
        let filter = Filter {
            subject: Some(subject),
            ..Filter::default()
        };
        let mut after: Option<Uuid> = None;
        while spots.len() <= MOST {
            let grants = read.grants(&filter, after, PAGE).await?;
            let granted = grants.iter().map(|grant| Spot::from(&grant.about));
            spots.extend(granted.filter(|spot| seen.insert(spot.key())));
            let Some(last) = grants.last().filter(|_| grants.len() as u64 == PAGE) else {
                break;
            };
            after = Some(last.id.uuid());
        }
    }
    Ok(spots)
}

/// Whose bindings and grants a subject has: its own, and those of the groups it is in, whatever the number of
/// steps.
pub(crate) async fn holders_of(
    read: &(impl Read + ?Sized),
    subject: &Subject,
) -> Result<BTreeSet<Subject>, StoreError> {
    let mut holders = BTreeSet::new();
    let mut open = vec![subject.clone()];
    while let Some(next) = open.pop() {
        if holders.insert(next.clone()) {
            let groups: Vec<GroupId> = read.groups_of(&next).await?;
            open.extend(groups.into_iter().map(Subject::group));
        }
    }
    Ok(holders)
}
