//! Rows that were put or removed, over those of a snapshot.

use std::collections::BTreeMap;

/// A row that was put, or the row that was removed.
#[derive(Debug, Clone)]
enum Row<V> {
    Put(V),
    Removed(V),
}

impl<V> Row<V> {
    fn put(&self) -> Option<&V> {
        match self {
            Self::Put(row) => Some(row),
            Self::Removed(_) => None,
        }
    }
    fn any(&self) -> &V {
        match self {
            Self::Put(row) | Self::Removed(row) => row,
        }
    }
}

/// The changed rows of one kind.
#[derive(Debug, Clone)]
pub(super) struct Table<K, V>(BTreeMap<K, Row<V>>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V: Clone> Table<K, V> {
    pub(super) fn put(&mut self, key: K, row: V) {
        self.0.insert(key, Row::Put(row));
    }
    pub(super) fn remove(&mut self, key: K, row: V) {
        self.0.insert(key, Row::Removed(row));
    }
    /// The row that has the key, where the snapshot has `base`.
    pub(super) fn get(&self, key: &K, base: Option<V>) -> Option<V> {
        match self.0.get(key) {
            Some(row) => row.put().cloned(),
            None => base,
        }
    }
    pub(super) fn is_untouched(&self) -> bool {
        self.0.is_empty()
    }
    pub(super) fn is_changed(&self, key: &K) -> bool {
        self.0.contains_key(key)
    }
    /// The rows that were put.
    pub(super) fn rows(&self) -> impl Iterator<Item = &V> {
        self.0.values().filter_map(Row::put)
    }
    /// The rows that were put, and those that were removed.
    pub(super) fn changed(&self) -> impl Iterator<Item = &V> {
        self.0.values().map(Row::any)
    }
    /// The keys that were changed, each with the row that it has now.
    pub(super) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.0.iter().map(|(key, row)| (key, row.put()))
    }
    /// How many rows more than `limit` the snapshot has to give, so that `limit` are left of them.
    pub(super) fn widen(&self, limit: u64) -> u64 {
        limit.saturating_add(self.0.len() as u64)
    }
    /// A page: the snapshot's rows as they were changed, with those that were put and fit, in the order of
    /// `by`.
    pub(super) fn page<O: Ord>(
        &self,
        base: Vec<V>,
        key: impl Fn(&V) -> K,
        fits: impl Fn(&V) -> bool,
        by: impl Fn(&V) -> O,
        limit: u64,
    ) -> Vec<V> {
        let mut all: Vec<V> = base
            .into_iter()
            .filter(|row| !self.is_changed(&key(row)))
            .collect();
        all.extend(self.rows().filter(|row| fits(row)).cloned());
        all.sort_by_key(by);
        all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(table: &Table<u32, u32>, base: Vec<u32>, limit: u64) -> Vec<u32> {
        table.page(base, |row| *row, |_| true, |row| *row, limit)
    }

    #[test]
    fn a_page_is_full_although_rows_of_the_snapshot_were_removed() {
        let mut table = Table::default();
        table.remove(1, 1);
        table.put(5, 5);
        assert_eq!(table.widen(2), 4);
        assert_eq!(page(&table, vec![1, 2, 7, 8], 2), [2, 5]);
        assert_eq!(page(&table, vec![], 2), [5]);
    }

    #[test]
    fn what_was_removed_is_gone_and_what_was_put_comes_before_the_snapshot() {
        let mut table = Table::default();
        table.remove(1, "old");
        table.put(2, "new");
        assert_eq!(table.get(&1, Some("old")), None);
        assert_eq!(table.get(&2, Some("old")), Some("new"));
        assert_eq!(table.get(&3, Some("old")), Some("old"));
    }
}
