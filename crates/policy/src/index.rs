//! A hash index over a slice: a table of positions, for the price of eight bytes an item.

use std::hash::{BuildHasher, RandomState};

use crate::{PlaceId, TypeNo};

const EMPTY: u32 = u32::MAX;

/// Spreads an id of our own making; nobody outside chooses these, so no secret key is needed.
#[inline]
pub(crate) fn mix(id: u128) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are meant")]
    let folded = (id as u64) ^ ((id >> 64) as u64).rotate_left(23);
    let mixed = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    #[expect(clippy::cast_possible_truncation, reason = "the upper bits are the good ones")]
    let high = (mixed >> 32) as usize;
    high
}

/// Positions by hash, open addressing, at most half full.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table(Box<[u32]>);

impl Table {
    pub(crate) fn build(hashes: impl ExactSizeIterator<Item = usize>) -> Self {
        if hashes.len() == 0 {
            return Self::default();
        }
        let mut table = vec![EMPTY; (hashes.len() * 2).next_power_of_two()];
        let mask = table.len() - 1;
        for (position, hash) in (0_u32..).zip(hashes) {
            let mut slot = hash & mask;
            while table.get(slot).is_some_and(|at| *at != EMPTY) {
                slot = (slot + 1) & mask;
            }
            if let Some(at) = table.get_mut(slot) {
                *at = position;
            }
        }
        Self(table.into())
    }

    #[inline]
    pub(crate) fn find(&self, hash: usize, mut is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        let mask = self.0.len().checked_sub(1)?;
        let mut slot = hash & mask;
        loop {
            match self.0.get(slot) {
                Some(&position) if position != EMPTY => {
                    if is_it(position as usize) {
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
    pub(crate) fn hash(&self, of: TypeNo, id: &str) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "any bits will do")]
        let hash = self.0.hash_one((of.0, id)) as usize;
        hash
    }
}

/// The bucket of a resource among so many: the same in every process and for ever (FNV-1a, 64 bits).
#[must_use]
pub fn bucket_of(of: TypeNo, id: &str, buckets: u32) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in of.0.to_le_bytes().into_iter().chain(id.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    // FNV's low bits are its weak ones.
    hash ^= hash >> 32;
    u32::try_from(hash % u64::from(buckets.max(1))).unwrap_or(0)
}

#[inline]
pub(crate) fn hash_place(place: PlaceId) -> usize {
    mix(place.0)
}
