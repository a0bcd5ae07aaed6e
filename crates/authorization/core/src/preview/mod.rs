//! What a change would do: who would gain or lose which permissions, and where. The permissions of the
//! affected subjects are computed from a snapshot and from the same snapshot with the change laid over it,
//! and compared.

mod difference;
mod look;
mod points;
mod spot;

use bailiwick_types::{AccountId, Subject, Timestamp};

use crate::{On, Read, Situation, StoreError};

pub(crate) use difference::effects;
pub(crate) use look::{Would, look};
pub use points::Points;
pub(crate) use points::{Point, kinds_with};
pub(crate) use spot::{Spot, holders_of, spots_of};

/// The most pairs of a person and a place that one preview looks at: more is an error, never a cut.
pub const MOST: usize = 10_000;

/// What would be gained and lost from one state of an account to another.
pub(crate) async fn effects_of(
    points: &Points,
    (before, after): (&(impl Read + ?Sized), &(impl Read + ?Sized)),
    now: Timestamp,
) -> Result<Vec<Effect>, StoreError> {
    let Some(situation) = Situation::load(before, []).await? else {
        return Ok(Vec::new());
    };
    let (account, products) = (situation.account.id, [&**situation.policy.product()]);
    let points = points.list();
    let old = look(before, None, &points, now).await?;
    let new = look(after, None, &points, now).await?;
    Ok(effects(account, &points, (&old, &new), &products))
}

/// How strongly somebody has a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// Not at all.
    None,
    /// Under a condition.
    Conditional,
    /// Once somebody approves.
    NeedsApproval,
    /// Without condition or approval.
    Full,
}

/// A permission that somebody would have in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// The permission.
    pub permission: String,
    /// How it is had now.
    pub before: Strength,
    /// How it would be had.
    pub after: Strength,
}

/// What one person would gain or lose in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// The account.
    pub account: AccountId,
    /// Who.
    pub subject: Subject,
    /// The scope of the binding, or what the grant is about.
    pub on: On,
    /// For a grant on a type in a scope: the type.
    pub of: Option<String>,
    /// What a check there would no longer deny, sorted.
    pub gains: Vec<String>,
    /// What a check there would deny from then on, sorted.
    pub loses: Vec<String>,
    /// Everything that would be had in another way, sorted: also what would come under a condition or an
    /// approval.
    pub shifts: Vec<Shift>,
}
