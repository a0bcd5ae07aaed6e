//! Sets of permissions.

use crate::PermissionNo;

/// A set of permissions of one product, a bit each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PermissionBits(Box<[u64]>);

impl PermissionBits {
    /// Makes an empty set with room for `permissions` numbers.
    #[must_use]
    pub fn with_room(permissions: usize) -> Self {
        Self(vec![0; permissions.div_ceil(64)].into_boxed_slice())
    }

    /// Tells whether the permission is in the set.
    #[inline]
    #[must_use]
    pub fn contains(&self, permission: PermissionNo) -> bool {
        let n = usize::from(permission.0);
        self.0.get(n / 64).is_some_and(|word| word & (1 << (n % 64)) != 0)
    }

    /// Puts the permission in, growing where needed.
    pub fn insert(&mut self, permission: PermissionNo) {
        let n = usize::from(permission.0);
        if n / 64 >= self.0.len() {
            let mut words = std::mem::take(&mut self.0).into_vec();
            words.resize(n / 64 + 1, 0);
            self.0 = words.into_boxed_slice();
        }
        if let Some(word) = self.0.get_mut(n / 64) {
            *word |= 1 << (n % 64);
        }
    }

    /// Takes the permission out.
    pub fn remove(&mut self, permission: PermissionNo) {
        let n = usize::from(permission.0);
        if let Some(word) = self.0.get_mut(n / 64) {
            *word &= !(1 << (n % 64));
        }
    }

    /// Adds all of the other set.
    pub fn union(&mut self, other: &Self) {
        if other.0.len() > self.0.len() {
            let mut words = std::mem::take(&mut self.0).into_vec();
            words.resize(other.0.len(), 0);
            self.0 = words.into_boxed_slice();
        }
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }

    /// Takes all of the other set out.
    pub fn subtract(&mut self, other: &Self) {
        for (word, less) in self.0.iter_mut().zip(&other.0) {
            *word &= !less;
        }
    }

    /// Keeps only what is in the other set too.
    pub fn intersect(&mut self, other: &Self) {
        for (i, word) in self.0.iter_mut().enumerate() {
            *word &= other.0.get(i).copied().unwrap_or(0);
        }
    }

    /// Tells whether every permission of this set is in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        let other = |i: usize| other.0.get(i).copied().unwrap_or(0);
        self.0.iter().enumerate().all(|(i, word)| word & !other(i) == 0)
    }

    /// Tells whether the two sets share a permission.
    #[must_use]
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// Tells whether nothing is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Counts the permissions in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Lists the permissions in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = PermissionNo> + '_ {
        self.0.iter().enumerate().flat_map(|(i, &word)| {
            (0..64_usize)
                .filter(move |bit| word & (1 << bit) != 0)
                .map(move |bit| {
                    #[expect(clippy::cast_possible_truncation, reason = "numbers are u16 when they enter")]
                    PermissionNo((i * 64 + bit) as u16)
                })
        })
    }
}

impl FromIterator<PermissionNo> for PermissionBits {
    fn from_iter<I: IntoIterator<Item = PermissionNo>>(permissions: I) -> Self {
        let mut bits = Self::default();
        for permission in permissions {
            bits.insert(permission);
        }
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_grows_with_what_is_put_in() {
        let mut set: PermissionBits = [3, 64, 200].map(PermissionNo).into_iter().collect();
        assert_eq!(set.iter().map(|p| p.0).collect::<Vec<_>>(), [3, 64, 200]);
        assert!(!set.contains(PermissionNo(9_999)));
        set.remove(PermissionNo(64));
        let small: PermissionBits = [PermissionNo(3)].into_iter().collect();
        assert!(small.is_subset(&set) && !set.is_subset(&small) && set.intersects(&small));
        set.intersect(&small);
        assert_eq!(set.len(), 1);
        set.subtract(&small);
        assert!(set.is_empty());
    }
}
