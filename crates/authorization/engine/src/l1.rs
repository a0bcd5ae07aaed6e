//! L1: the parts of one account, decoded.
//!
//! Each account has a cache of its own (`quick_cache`, a CLOCK-like eviction that resists scans), and all of
//! them share one budget of bytes. While there is room, an account may take what it needs; when the budget is
//! used up, the account that holds most gives way. So an account loses nothing while it holds less than an
//! equal share, whatever the others do: max-min fairness, which one cache for all with a cap per account
//! would not give.

use quick_cache::{Weighter, unsync::Cache};

use crate::parts::{Part, PartKey, PartRef};

/// The fixed cost of an entry: its slots in the table and the list, and the key.
const OVERHEAD: usize = 96;

#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<PartKey, Part> for Bytes {
    fn weight(&self, key: &PartKey, part: &Part) -> u64 {
        (OVERHEAD + key.weight() + part.weight()) as u64
    }
}

/// The parts of one account. Looking up needs no exclusive access.
pub(crate) struct Parts(Cache<PartKey, Part, Bytes>);

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parts({})", self.0.len())
    }
}

impl Parts {
    /// An empty cache of at most `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self(Cache::with_weighter(64, capacity as u64, Bytes))
    }

    #[inline]
    pub(crate) fn get(&self, key: PartRef<'_>) -> Option<&Part> {
        self.0.get(&key)
    }

    /// Replaces a part. One that is larger than the capacity is not kept.
    pub(crate) fn insert(&mut self, key: PartKey, part: Part) {
        self.0.insert(key, part);
    }

    pub(crate) fn remove(&mut self, key: PartRef<'_>) {
        self.0.remove(&key);
    }

    /// Bytes held.
    pub(crate) fn weight(&self) -> usize {
        usize::try_from(self.0.weight()).unwrap_or(usize::MAX)
    }

    /// Sets the greatest number of bytes, evicting parts that exceed it.
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.0.set_capacity(capacity as u64);
    }
}
