//! Points in the history of an account: the revisions of its deployment, its product and itself.

use std::sync::Arc;

/// Names the history that revisions belong to; every read of the primary carries it.
pub type Epoch = Arc<str>;

/// The revisions of deployment, product and account at one moment of the primary.
///
/// Snapshots of one primary never cross: of two of them, one has all three numbers at least as high. So the
/// numbers of a snapshot can be compared as a whole. How far an account has been applied (its *watermark*),
/// from where on every change has been seen (its *base*) and where a part was read are all of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Watermark {
    /// The deployment's revision.
    pub deployment: u64,
    /// The product's revision.
    pub product: u64,
    /// The account's revision.
    pub account: u64,
    /// The stamps of the three.
    pub stamps: Stamps,
}

/// The stamps of three revisions: random numbers of the writes that made them, 0 for a revision of 0. In one
/// history a revision has one stamp, so that a primary which was restored without a new epoch is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Stamps {
    /// Of the deployment's revision.
    pub deployment: i64,
    /// Of the product's revision.
    pub product: i64,
    /// Of the account's revision.
    pub account: i64,
}

impl Watermark {
    /// Returns whether this point is at or after the other.
    #[inline]
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.deployment >= other.deployment && self.product >= other.product && self.account >= other.account
    }

    /// The earliest point that covers both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let later = |(n, s): (u64, i64), (m, t): (u64, i64)| if m > n { (m, t) } else { (n, s) };
        let [deployment, product, account] = [0, 1, 2].map(|n| later(self.at(n), other.at(n)));
        Self {
            deployment: deployment.0,
            product: product.0,
            account: account.0,
            stamps: Stamps {
                deployment: deployment.1,
                product: product.1,
                account: account.1,
            },
        }
    }

    /// Returns whether both are of different histories: the same revision, made by another write.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        [0, 1, 2].into_iter().any(|n| {
            let ((revision, stamp), (of, other)) = (self.at(n), other.at(n));
            revision == of && stamp != other
        })
    }

    /// A revision with its stamp: 0 the deployment's, 1 the product's, else the account's.
    fn at(&self, n: usize) -> (u64, i64) {
        match n {
            0 => (self.deployment, self.stamps.deployment),
            1 => (self.product, self.stamps.product),
            _ => (self.account, self.stamps.account),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(account: u64, stamp: i64) -> Watermark {
        Watermark {
            account,
            stamps: Stamps {
                account: stamp,
                ..Stamps::default()
            },
            ..Watermark::default()
        }
    }

    #[test]
    fn points_contradict_each_other_where_a_revision_has_two_stamps() {
        assert!(at(5, 1).contradicts(&at(5, 2)));
        assert!(!at(5, 1).contradicts(&at(5, 1)));
        // Nothing can be told of different revisions.
        assert!(!at(5, 1).contradicts(&at(6, 2)));
    }

    #[test]
    fn the_later_of_two_points_keeps_its_stamp() {
        assert_eq!(at(5, 1).join(&at(6, 2)), at(6, 2));
        assert_eq!(at(6, 2).join(&at(5, 1)), at(6, 2));
    }
}
