//! What people had before a change that is under way.

use bailiwick_policy::HeldPermissions;
use bailiwick_types::{Subject, UserId};

use super::{Effect, Error, Points, Spot, effects, look};
use crate::{StoreError, Work};

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
    /// Looks at what a subject has at some places, before a change.
    pub(crate) async fn at(work: &Work, subject: &Subject, spots: &[Spot]) -> Result<Self, StoreError> {
        let mut points = Points::default();
        points.add(&*work.unit, subject, spots).await?;
        Self::before(work, points).await
    }
    /// Looks at what users have wherever they have something, before a change.
    pub(crate) async fn everywhere(
        work: &Work,
        users: impl IntoIterator<Item = UserId>,
    ) -> Result<Self, StoreError> {
        let mut points = Points::default();
        for user in users {
            points.add_everywhere(&*work.unit, work.account(), user).await?;
        }
        Self::before(work, points).await
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
