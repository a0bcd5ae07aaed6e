//! Consistency tokens: how far the world must have moved for a reader to see a write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ScopeRoot;

words! {
    /// The three services.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Service {
        /// Who people are.
        Identity = "identity",
        /// Places.
        Tenancy = "tenancy",
        /// Who may do what where.
        Authorization = "authorization",
    }
}

/// The feed epochs that a token's numbers belong to.
pub type Epochs = BTreeMap<Service, String>;

/// A set of pairs (service, root) -> revision, with the epochs they were counted in. Merging keeps the
/// maximum of each pair, so the order of merges does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Token {
    /// The epoch of each service named in `revisions`.
    pub epochs: Epochs,
    /// Revisions that must be visible.
    pub revisions: BTreeMap<(Service, ScopeRoot), u64>,
    /// Pairs are missing that cannot be waited for: the answer is made from the primary.
    pub fully_consistent: bool,
}

impl Token {
    /// A token of one pair.
    #[must_use]
    pub fn of(service: Service, epoch: &str, root: ScopeRoot, revision: u64) -> Self {
        let mut token = Self::default();
        token.raise(service, epoch, root, revision);
        token
    }
    /// Raises a pair. A pair of another epoch replaces the service's older ones.
    pub fn raise(&mut self, service: Service, epoch: &str, root: ScopeRoot, revision: u64) {
        if self.epochs.get(&service).is_some_and(|e| e != epoch) {
            self.revisions.retain(|(s, _), _| *s != service);
        }
        self.epochs.insert(service, epoch.to_owned());
        let at = self.revisions.entry((service, root)).or_default();
        *at = (*at).max(revision);
    }
    /// Takes the maximum of each pair of both. Pairs of two epochs of a service cannot be waited for
    /// together: what both ask for is in the primary alone.
    pub fn merge(&mut self, other: &Self) {
        let conflict = |(service, epoch): (&Service, &String)| {
            self.epochs.get(service).is_some_and(|known| known != epoch)
        };
        self.fully_consistent |= other.fully_consistent || other.epochs.iter().any(conflict);
        self.replace(other);
    }
    /// Takes the maximum of each pair of both; those of `newer` replace the pairs of another epoch.
    pub fn replace(&mut self, newer: &Self) {
        for ((service, root), revision) in &newer.revisions {
            if let Some(epoch) = newer.epochs.get(service) {
                self.raise(*service, epoch, root.clone(), *revision);
            }
        }
    }
    /// Whether nothing is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.revisions.is_empty() && !self.fully_consistent
    }
    /// The revision that is asked of a root, with its epoch.
    #[must_use]
    pub fn wanted(&self, service: Service, root: &ScopeRoot) -> Option<(&str, u64)> {
        let revision = self.revisions.get(&(service, root.clone()))?;
        Some((self.epochs.get(&service)?.as_str(), *revision))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_the_maximum_of_each_pair() {
        let mut a = Token::of(Service::Tenancy, "e", ScopeRoot::Deployment, 3);
        a.merge(&Token::of(Service::Tenancy, "e", ScopeRoot::Deployment, 2));
        a.merge(&Token::of(Service::Identity, "i", ScopeRoot::Deployment, 9));
        assert_eq!(a.wanted(Service::Tenancy, &ScopeRoot::Deployment), Some(("e", 3)));
        assert_eq!(
            a.wanted(Service::Identity, &ScopeRoot::Deployment),
            Some(("i", 9))
        );
    }

    #[test]
    fn a_pair_of_another_epoch_replaces_the_older_ones() {
        let old = Token::of(Service::Tenancy, "old", ScopeRoot::Deployment, 30);
        let new = Token::of(Service::Tenancy, "new", ScopeRoot::Deployment, 2);
        let (mut written, mut sent_both) = (old.clone(), old);
        written.replace(&new);
        sent_both.merge(&new);
        for token in [&written, &sent_both] {
            assert_eq!(
                token.wanted(Service::Tenancy, &ScopeRoot::Deployment),
                Some(("new", 2))
            );
        }
        // Which of the two that were sent is the newer one is not known.
        assert!(!written.fully_consistent && sent_both.fully_consistent);
    }
}
