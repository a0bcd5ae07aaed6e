//! The audit log: what was done in the suite, by whom, in chains of entries that cannot be changed without
//! being noticed.
//!
//! An account, a product and the deployment have a chain each. An entry contains the hash of the one before
//! it. Values that belong to a person are sealed under the person's key; the chain hashes the sealed bytes,
//! so that it verifies as well after the key was destroyed.

pub mod chain;
mod entry;
pub mod export;
pub mod file;
pub mod list;
mod record;

use async_trait::async_trait;
use bailiwick_types::{AccountAccess, StoreError, Timestamp};

pub use entry::{Entry, Head, Opened, Outcome, Personal, Sealed};
pub use record::Record;

/// Which entries of a chain are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those of this actor, `TYPE:ID`.
    pub actor: Option<String>,
    /// Only those about this target.
    pub target: Option<String>,
    /// Only those with this action.
    pub action: Option<String>,
    /// Only those at or after this time.
    pub start: Option<Timestamp>,
    /// Only those before this time.
    pub end: Option<Timestamp>,
}

impl Filter {
    /// Whether it leaves nothing out.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// Which part of a chain is read, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Newest first: those before an entry, or all.
    Newest {
        /// The place of that entry.
        before: Option<u64>,
    },
    /// Oldest first: those after one entry and up to another.
    Oldest {
        /// The place of the first one.
        after: u64,
        /// The place of the last one that is meant.
        upto: u64,
    },
}

/// Reads the audit logs of accounts.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Entries of an account with their personal values opened, at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    async fn entries(
        &self,
        account: AccountAccess,
        filter: &Filter,
        range: Range,
        limit: u64,
    ) -> Result<Vec<Opened>, StoreError>;
    /// The end of an account's chain; nothing where it has no entry.
    ///
    /// # Errors
    /// The database fails.
    async fn head(&self, account: AccountAccess) -> Result<Option<Head>, StoreError>;
}

#[cfg(test)]
pub(crate) mod memory {
    use std::sync::Mutex;

    use super::*;

    /// A log in memory, without persons.
    #[derive(Default)]
    pub(crate) struct MemoryLog(pub(crate) Mutex<Vec<Entry>>);

    #[async_trait]
    impl Log for MemoryLog {
        async fn entries(
            &self,
            _: AccountAccess,
            filter: &Filter,
            range: Range,
            limit: u64,
        ) -> Result<Vec<Opened>, StoreError> {
            let all = self.0.lock().unwrap().clone();
            let is = |wanted: &Option<String>, value: &str| wanted.as_ref().is_none_or(|w| w == value);
            let mut found: Vec<Entry> = all
                .into_iter()
                .filter(|e| is(&filter.actor, &e.actor) && is(&filter.target, &e.target))
                .filter(|e| is(&filter.action, &e.action))
                .filter(|e| filter.start.is_none_or(|start| e.time >= start))
                .filter(|e| filter.end.is_none_or(|end| e.time < end))
                .filter(|e| match range {
                    Range::Newest { before } => before.is_none_or(|before| e.sequence < before),
                    Range::Oldest { after, upto } => e.sequence > after && e.sequence <= upto,
                })
                .collect();
            if matches!(range, Range::Newest { .. }) {
                found.reverse();
            }
            found.truncate(usize::try_from(limit).unwrap());
            Ok(found.into_iter().map(Opened::plain).collect())
        }
        async fn head(&self, _: AccountAccess) -> Result<Option<Head>, StoreError> {
            let all = self.0.lock().unwrap();
            Ok(all.last().map(|last| Head {
                chain: last.chain.clone(),
                sequence: last.sequence,
                hash: last.hash,
                epoch: "e".to_owned(),
                suspect: false,
            }))
        }
    }
}
