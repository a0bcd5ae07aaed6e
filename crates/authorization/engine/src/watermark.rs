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
        Self {
            deployment: self.deployment.max(other.deployment),
            product: self.product.max(other.product),
            account: self.account.max(other.account),
        }
    }
}
