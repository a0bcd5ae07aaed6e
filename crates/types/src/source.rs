//! Versions of states that another service owns.

use std::{fmt, sync::Arc};

/// The version that another service gave to a state of its own, in the history of that service: the epoch of
/// its feed. Versions of two histories have no order, so there is no `Ord`: after a restore they start lower
/// and are newer all the same.
///
/// ```
/// use bailiwick_types::SourceVersion;
/// let before = SourceVersion::new("before", 9);
/// assert!(before.covers(&SourceVersion::new("before", 8)));
/// assert!(!before.covers(&SourceVersion::new("restored", 1)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceVersion {
    epoch: Arc<str>,
    number: u64,
}

impl SourceVersion {
    /// A version in a history.
    #[must_use]
    pub fn new(epoch: impl Into<Arc<str>>, number: u64) -> Self {
        Self {
            epoch: epoch.into(),
            number,
        }
    }
    /// The epoch of the feed that it belongs to; empty where nothing was told yet.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }
    /// Its number in that history.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
    /// Whether both belong to one history.
    #[must_use]
    pub fn shares_history(&self, other: &Self) -> bool {
        self.epoch == other.epoch
    }
    /// Whether it includes the other one: it is of the same history and at least as high.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.shares_history(other) && self.number >= other.number
    }
    /// This version where it includes the other one, else the other one.
    #[must_use]
    pub fn at_least(self, other: &Self) -> Self {
        if self.covers(other) { self } else { other.clone() }
    }
}

impl fmt::Display for SourceVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_within_one_history_alone() {
        let nine = SourceVersion::new("a", 9);
        assert!(nine.covers(&nine) && nine.covers(&SourceVersion::new("a", 8)));
        assert!(!nine.covers(&SourceVersion::new("a", 10)));
        for number in [1, 9, 10] {
            let restored = SourceVersion::new("b", number);
            assert!(!nine.covers(&restored) && !restored.covers(&nine), "{number}");
        }
        assert!(!SourceVersion::default().covers(&nine));
    }
}
