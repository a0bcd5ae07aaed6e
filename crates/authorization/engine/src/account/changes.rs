//! The last change of each part of a root since the base, and which parts are valid by it.

use std::collections::HashMap;

use crate::parts::{FactKey, PartKey, PartRef};

/// How a part stands to the watermark, the base and the changes between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Read at or after the base and not changed up to the watermark: valid at the watermark.
    Valid,
    /// Changed after it was read.
    Stale,
    /// Read after the watermark, which has to advance first.
    Ahead,
    /// Valid at the watermark, but its stored values are typed by another schema than that of the account's
    /// policy.
    Untyped,
    /// Read before the base: only the primary knows every change since.
    Before,
}

type Map<K> = HashMap<K, u64>;

/// The last change of each part that changed since the base: those of an account by its revisions, the facts
/// of identity by the deployment's.
#[derive(Debug)]
pub(crate) struct Changes {
    base: u64,
    limit: usize,
    subjects: Map<Box<str>>,
    groups: Map<u128>,
    resources: Map<Box<str>>,
    facts: Map<FactKey>,
}

impl Changes {
    /// No changes since `base`, with room for `limit` parts.
    pub(crate) fn new(base: u64, limit: usize) -> Self {
        Self {
            base,
            limit,
            subjects: Map::default(),
            groups: Map::default(),
            resources: Map::default(),
            facts: Map::default(),
        }
    }

    /// The last change of a part since the base.
    #[inline]
    pub(crate) fn last(&self, part: PartRef<'_>) -> Option<u64> {
        match part {
            PartRef::Subject(text) if !self.subjects.is_empty() => self.subjects.get(text),
            PartRef::Group(id) if !self.groups.is_empty() => self.groups.get(&id),
            PartRef::Resource(text) if !self.resources.is_empty() => self.resources.get(text),
            PartRef::Fact(key) if !self.facts.is_empty() => self.facts.get(&key),
            _ => None,
        }
        .copied()
    }

    /// Notes that a part changed at a revision. Revisions come in order.
    pub(crate) fn note(&mut self, part: PartKey, revision: u64) {
        match part {
            PartKey::Subject(text) => self.subjects.insert(text, revision),
            PartKey::Group(id) => self.groups.insert(id, revision),
            PartKey::Resource(text) => self.resources.insert(text, revision),
            PartKey::Fact(key) => self.facts.insert(key, revision),
        };
        if self.len() > self.limit {
            self.forget_older_half();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.subjects.len() + self.groups.len() + self.resources.len() + self.facts.len()
    }

    /// Bytes, roughly.
    pub(crate) fn weight(&self) -> usize {
        self.len() * 112
    }

    /// How a part that was read at `read_at` stands at `now`. `now` may lie before changes that are noted
    /// already: the part then counts as stale, which is always safe.
    #[inline]
    pub(crate) fn test(&self, part: PartRef<'_>, read_at: u64, now: u64) -> Verdict {
        if read_at > now {
            Verdict::Ahead
        } else if read_at < self.base {
            Verdict::Before
        } else if self.last(part).is_some_and(|changed| changed > read_at) {
            Verdict::Stale
        } else {
            Verdict::Valid
        }
    }

    /// Whether a resource of a type may have changed after `read_at`.
    pub(crate) fn type_changed_after(&self, of: &str, read_at: u64) -> bool {
        let is_of = |text: &str| text.strip_prefix(of).is_some_and(|rest| rest.starts_with(':'));
        read_at < self.base
            || self
                .resources
                .iter()
                .any(|(text, changed)| *changed > read_at && is_of(text))
    }

    /// Moves the base up to the median of the last changes and drops those at or before it.
    fn forget_older_half(&mut self) {
        let revisions = self
            .subjects
            .values()
            .chain(self.groups.values())
            .chain(self.resources.values())
            .chain(self.facts.values());
        let mut revisions: Vec<u64> = revisions.copied().collect();
        let middle = revisions.len() / 2;
        let (_, median, _) = revisions.select_nth_unstable(middle);
        let base = *median;
        // A part that was read at `base` includes the changes up to it.
        self.base = self.base.max(base);
        self.subjects.retain(|_, revision| *revision > base);
        self.groups.retain(|_, revision| *revision > base);
        self.resources.retain(|_, revision| *revision > base);
        self.facts.retain(|_, revision| *revision > base);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(n: u64) -> PartKey {
        PartKey::Subject(format!("user:{n}").into())
    }

    #[test]
    fn a_part_is_valid_until_it_changes_after_it_was_read() {
        let mut changes = Changes::new(10, 100);
        let (a, b) = (subject(1), subject(2));
        changes.note(a.clone(), 12);
        assert_eq!(changes.test(a.borrowed(), 11, 12), Verdict::Stale);
        assert_eq!(changes.test(a.borrowed(), 12, 12), Verdict::Valid);
        assert_eq!(changes.test(b.borrowed(), 10, 12), Verdict::Valid);
        assert_eq!(changes.test(b.borrowed(), 9, 12), Verdict::Before);
        assert_eq!(changes.test(b.borrowed(), 13, 12), Verdict::Ahead);
    }

    #[test]
    fn the_kinds_of_parts_do_not_mix() {
        let mut changes = Changes::new(0, 100);
        changes.note(PartKey::Resource("user:1".into()), 5);
        assert_eq!(changes.test(PartRef::Subject("user:1"), 4, 5), Verdict::Valid);
        assert_eq!(changes.test(PartRef::Resource("user:1"), 4, 5), Verdict::Stale);
    }

    #[test]
    fn a_type_changes_with_each_of_its_resources() {
        let mut changes = Changes::new(3, 100);
        changes.note(PartKey::Resource("note:1".into()), 5);
        assert!(changes.type_changed_after("note", 4));
        assert!(!changes.type_changed_after("note", 5));
        assert!(!changes.type_changed_after("not", 4));
        assert!(
            changes.type_changed_after("other", 2),
            "changes before the base are not known"
        );
    }

    #[test]
    fn an_overflow_moves_the_base_up_and_never_makes_a_stale_part_valid() {
        let mut changes = Changes::new(0, 8);
        for n in 1..=100 {
            changes.note(subject(n), n);
            assert!(changes.len() <= 8);
            for m in 1..=n {
                // Read just before its change: never valid again.
                assert_ne!(
                    changes.test(subject(m).borrowed(), m - 1, n),
                    Verdict::Valid,
                    "{m} at {n}"
                );
            }
        }
        assert!(changes.base > 80);
        assert_eq!(changes.test(subject(100).borrowed(), 100, 100), Verdict::Valid);
    }
}
