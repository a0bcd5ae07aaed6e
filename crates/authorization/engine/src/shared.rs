//! The port to a cache that several processes share (L2).

use std::fmt;

use bailiwick_types::AccountId;

use crate::{Epoch, Part, PartKey};

/// A cache that processes share. It holds no truth: whatever goes wrong with it is a miss, and what it
/// returns is validated like every other part, so that nothing it does or loses can change an answer.
#[async_trait::async_trait]
pub trait SharedCache: Send + Sync + fmt::Debug + 'static {
    /// Looks up parts of an account: one answer per key, in their order.
    async fn get(&self, account: AccountId, keys: &[PartKey]) -> Vec<Option<(Epoch, Part)>>;

    /// Writes parts over those of another epoch and older ones, some time later or not at all.
    fn put(&self, account: AccountId, epoch: &Epoch, parts: Vec<(PartKey, Part)>);

    /// Removes parts of a history that is lost: they would keep newer ones out. Some time later or not at
    /// all.
    fn remove(&self, account: AccountId, keys: Vec<PartKey>);
}
