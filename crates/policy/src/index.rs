//! A hash index over a slice: a table of positions, for the price of eight bytes an item.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use crate::{PlaceId, TypeNo};

const EMPTY: u32 = u32::MAX;

/// Spreads an id of our own making; nobody outside chooses these, so no secret key is needed.
#[inline]
pub(crate) fn mix(id: u128) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are meant")]
    let folded = (id as u64) ^ ((id >> 64) as u64).rotate_left(23);
    let mixed = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

/// Positions by hash, open addressing, at most half full. Each slot has half of the hash beside the position,
/// so that what is looked at is nearly always what is looked for: it is a cache miss each time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Arc<[(u32, u32)]>);

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn slot(hash: u64, mask: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = hash as u32;
    low as usize & mask
}

impl Table {
    pub(crate) fn build(items: impl ExactSizeIterator<Item = (u64, u32)>) -> Self {
        if items.len() == 0 {
            return Self::default();
        }
        let mut table = vec![(0, EMPTY); (items.len() * 2).next_power_of_two()];
        let mask = table.len() - 1;
        for (hash, position) in items {
            let mut slot = slot(hash, mask);
            while table.get(slot).is_some_and(|(_, at)| *at != EMPTY) {
                slot = (slot + 1) & mask;
            }
            if let Some(entry) = table.get_mut(slot) {
                *entry = (tag(hash), position);
            }
        }
        Self(table.into())
    }

    #[inline]
    pub(crate) fn find(&self, hash: u64, mut is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        let mask = self.0.len().checked_sub(1)?;
        let (mut slot, tag) = (slot(hash, mask), tag(hash));
        loop {
            match self.0.get(slot) {
                Some(&(found, position)) if position != EMPTY => {
                    if found == tag && is_it(position as usize) {
                        return Some(position as usize);
                    }
                }
                _ => return None,
            }
            slot = (slot + 1) & mask;
        }
    }

    pub(crate) fn weight(&self) -> usize {
        size_of_val(&*self.0)
    }
}

/// Hashes names that others choose, under a key of this process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keyed(RandomState);

impl Keyed {
    #[inline]
    pub(crate) fn hash(&self, of: TypeNo, id: &[u8]) -> u64 {
        self.0.hash_one((of.0, id))
    }
}

/// FNV-1a, 64 bits: the same in every process and for ever.
#[derive(Debug)]
pub(crate) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn finish(&self) -> u64 {
        // FNV's low bits are its weak ones.
        self.0 ^ (self.0 >> 32)
    }
}

/// The bucket of a resource among so many: the same in every process and for ever.
#[must_use]
pub fn bucket_of(of: TypeNo, id: &str, buckets: u32) -> u32 {
    let mut hash = Fnv::default();
    hash.bytes(&of.0.to_le_bytes());
    hash.bytes(id.as_bytes());
    u32::try_from(hash.finish() % u64::from(buckets.max(1))).unwrap_or(0)
}

#[inline]
pub(crate) fn hash_place(place: PlaceId) -> u64 {
    mix(place.0)
}
