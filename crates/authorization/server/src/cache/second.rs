//! L2: a cache that several processes share. It holds no truth, so nothing it does or loses can change an answer.

use std::fmt;

use bailiwick_types::AccountId;

use super::{Part, PartKey};
use crate::replica::Epoch;

/// A shared cache. Whatever goes wrong with it is a miss.
#[async_trait::async_trait]
pub trait Second: Send + Sync + fmt::Debug + 'static {
    /// Looks parts of an account up: one answer a key, in their order.
    async fn get(&self, account: AccountId, keys: &[PartKey]) -> Vec<Option<(Epoch, Part)>>;

    /// Writes parts over what is of another epoch or older, some time later or not at all.
    fn put(&self, account: AccountId, epoch: &Epoch, parts: Vec<(PartKey, Part)>);
}
