//! Points in the history of an account: how far its deployment, its product and itself have been counted up.

/// The revisions of deployment, product and account at one moment of the primary.
///
/// Snapshots of one primary never cross: of two of them, one has all three numbers at least as high. So the numbers of
/// a snapshot can be compared as a whole, and W, B and E are all of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Vector {
    /// The deployment's revision.
    pub deployment: u64,
    /// The product's revision.
    pub product: u64,
    /// The account's revision.
    pub account: u64,
}

impl Vector {
    /// Tells whether nothing of the other lies after this.
    #[inline]
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.deployment >= other.deployment && self.product >= other.product && self.account >= other.account
    }

    /// The least vector that covers both.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        Self {
            deployment: self.deployment.max(other.deployment),
            product: self.product.max(other.product),
            account: self.account.max(other.account),
        }
    }
}
