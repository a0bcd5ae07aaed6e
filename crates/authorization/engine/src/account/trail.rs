//! The stamps of a root's latest revisions: by them a value that was read at one of these is recognised as
//! one of this history.

use std::collections::VecDeque;

use crate::{KnownStamps, Watermark};

/// The greatest number of revisions that are remembered. Of older ones the primary is asked.
const LIMIT: usize = 1024;

/// The stamps of the latest revisions of an account or of the deployment, up to the watermark.
#[derive(Debug)]
pub(crate) struct Trail {
    /// The revision of the last one.
    last: u64,
    stamps: VecDeque<i64>,
}

/// How a point stands to a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    /// It is a point of it.
    Same,
    /// A revision of it was made by another write.
    Lost,
    /// What would tell is not known any more.
    Unknown,
}

impl History {
    /// Of a revision with its stamp: `known` is the stamp that the revision has in this history.
    fn of(revision: u64, stamp: i64, known: Option<i64>) -> Self {
        match known {
            _ if revision == 0 => Self::Same,
            Some(known) if known == stamp => Self::Same,
            Some(_) => Self::Lost,
            None => Self::Unknown,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Lost, _) | (_, Self::Lost) => Self::Lost,
            (Self::Same, Self::Same) => Self::Same,
            _ => Self::Unknown,
        }
    }

    /// How the point at which a part was read stands to the history that has come to `now`; `known` are the
    /// stamps that the point's revisions have there, where these are not those of `now`. A fact of identity
    /// comes from the deployment alone, and nothing of another part does.
    pub(crate) fn of_part(is_fact: bool, read_at: &Watermark, now: &Watermark, known: KnownStamps) -> Self {
        let present = |revision: u64, of_now: u64, stamp: i64| (revision == of_now).then_some(stamp);
        if is_fact {
            let known =
                present(read_at.deployment, now.deployment, now.stamps.deployment).or(known.deployment);
            return Self::of(read_at.deployment, read_at.stamps.deployment, known);
        }
        let account = present(read_at.account, now.account, now.stamps.account).or(known.account);
        let product = present(read_at.product, now.product, now.stamps.product).or(known.product);
        Self::of(read_at.account, read_at.stamps.account, account).and(Self::of(
            read_at.product,
            read_at.stamps.product,
            product,
        ))
    }
}

impl Trail {
    /// Begins at a revision.
    pub(crate) fn new(revision: u64, stamp: i64) -> Self {
        Self {
            last: revision,
            stamps: VecDeque::from([stamp]),
        }
    }

    /// Goes on with the next revision.
    pub(crate) fn push(&mut self, revision: u64, stamp: i64) {
        self.last = revision;
        self.stamps.push_back(stamp);
        if self.stamps.len() > LIMIT {
            self.stamps.pop_front();
        }
    }

    /// The stamp of a revision.
    pub(crate) fn stamp(&self, revision: u64) -> Option<i64> {
        let back = usize::try_from(self.last.checked_sub(revision)?).ok()?;
        let at = self.stamps.len().checked_sub(back + 1)?;
        self.stamps.get(at).copied()
    }

    /// Bytes, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.stamps.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stamps;

    fn at(account: u64, stamp: i64, product: u64, of_product: i64) -> Watermark {
        Watermark {
            account,
            product,
            stamps: Stamps {
                account: stamp,
                product: of_product,
                deployment: 0,
            },
            ..Watermark::default()
        }
    }

    #[test]
    fn the_latest_revisions_are_remembered_and_no_others() {
        let mut trail = Trail::new(7, 70);
        assert_eq!(
            (trail.stamp(7), trail.stamp(6), trail.stamp(8)),
            (Some(70), None, None)
        );
        let last = 7 + LIMIT as u64;
        let stamp = |revision: u64| revision.cast_signed() * 10;
        for n in 8..=last {
            trail.push(n, stamp(n));
        }
        assert_eq!((trail.stamp(7), trail.stamp(8)), (None, Some(80)));
        assert_eq!(trail.stamp(last), Some(stamp(last)));
    }

    #[test]
    fn a_point_is_of_a_history_where_both_revisions_have_its_stamps() {
        let now = at(9, 90, 3, 30);
        let of = |read_at, account, product| {
            let known = KnownStamps {
                account,
                product,
                deployment: None,
            };
            History::of_part(false, &read_at, &now, known)
        };
        assert_eq!(of(at(9, 90, 3, 30), None, None), History::Same);
        assert_eq!(of(at(9, 91, 3, 30), None, None), History::Lost);
        assert_eq!(of(at(9, 90, 3, 31), None, None), History::Lost);
        assert_eq!(of(at(8, 80, 3, 30), None, None), History::Unknown);
        assert_eq!(of(at(8, 80, 3, 30), Some(80), None), History::Same);
        assert_eq!(of(at(8, 80, 3, 30), Some(81), None), History::Lost);
        assert_eq!(of(at(8, 80, 2, 20), Some(80), None), History::Unknown);
        assert_eq!(of(at(8, 81, 2, 20), Some(80), None), History::Lost);
        assert_eq!(of(at(0, 0, 0, 0), None, None), History::Same);
    }

    #[test]
    fn a_fact_is_of_a_history_where_the_revision_of_the_deployment_has_its_stamp() {
        let at = |deployment, stamp| Watermark {
            deployment,
            account: 9,
            stamps: Stamps {
                deployment: stamp,
                account: stamp,
                product: 0,
            },
            ..Watermark::default()
        };
        let of = |read_at, deployment| {
            let known = KnownStamps {
                deployment,
                ..KnownStamps::default()
            };
            History::of_part(true, &read_at, &at(4, 40), known)
        };
        assert_eq!(of(at(4, 40), None), History::Same);
        assert_eq!(of(at(4, 41), None), History::Lost);
        assert_eq!(of(at(3, 30), None), History::Unknown);
        assert_eq!(of(at(3, 30), Some(30)), History::Same);
        assert_eq!(of(at(3, 30), Some(31)), History::Lost);
    }
}
