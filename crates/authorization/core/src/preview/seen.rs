//! What people had before a change that is under way.

use std::collections::BTreeSet;

use bailiwick_policy::HeldPermissions;
use bailiwick_types::Scope;

use super::{Effect, Error, MOST, Points, effects, look};
use crate::{StoreError, Work, resource::Name};

/// What people had before a change that is under way.
#[derive(Debug)]
pub(crate) struct Seen {
    points: Points,
    before: Vec<HeldPermissions>,
}

impl Seen {
    /// Looks before a change.
    pub(crate) async fn before(work: &Work, points: Points) -> Result<Self, StoreError> {
        let before = if points.are_too_many() {
            Vec::new()
        } else {
            look(&*work.unit, None, &points.list(), work.now).await?
        };
        Ok(Self { points, before })
    }
    /// Looks again after the change, where it could be made, and tells the difference.
    pub(crate) async fn after<T, E: std::error::Error>(
        self,
        work: &Work,
        made: Result<T, E>,
    ) -> Result<Vec<Effect>, Error<E>> {
        made.map_err(Error::Change)?;
        if self.points.are_too_many() {
            return Err(Error::TooMany);
        }
        let after = look(&*work.unit, None, &self.points.list(), work.now).await?;
        let products = [&**work.situation.policy.product()];
        let sides = (&*self.before, &*after);
        Ok(effects(work.account(), &self.points.list(), sides, &products))
    }
}

/// Looks at what everybody has on some resources before they change: those are found whom a role or grant on the way from one of
/// the scopes reaches, or a grant on one of the resources or of those above them, also of those that may come to be above.
pub(crate) async fn see_resources(
    work: &mut Work,
    resources: &[Name],
    (scopes, above): (&[&Scope], &[&Name]),
) -> Result<Seen, StoreError> {
    work.look_at(scopes.iter().copied()).await?;
    let mut points = Points::default();
    points
        .add_reaching(&*work.unit, &work.situation, resources, (scopes, above))
        .await?;
    Seen::before(work, points).await
}

/// A resource with all that are below it. More than a preview looks at are enough to refuse it.
pub(crate) async fn with_all_below(work: &Work, first: &Name) -> Result<Vec<Name>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut open = vec![first.clone()];
    while let Some(name) = open.pop() {
        if seen.len() > MOST {
            break;
        }
        let limit = MOST as u64 + 1;
        let below = work.unit.children(&name, limit).await?;
        if seen.insert(name) {
            open.extend(below.into_iter().map(|child| child.name));
        }
    }
    Ok(seen.into_iter().collect())
}
