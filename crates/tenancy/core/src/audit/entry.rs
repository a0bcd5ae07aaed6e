//! Entries of the audit log.

use std::collections::BTreeMap;

use bailiwick_types::{AuditEntryId, ScopeRoot, Service, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

bailiwick_types::words! {
    /// How what an entry tells ended.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Outcome {
        /// It was done.
        Done = "done",
        /// The caller had no right to do it.
        Denied = "denied",
        /// Credentials were wrong.
        Failed = "failed",
    }
}

/// Values that are sealed under the key of an owner: a person, or a chain for what belongs to nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sealed {
    /// `user:ID`, or the chain.
    pub owner: String,
    /// The sealed bytes; empty where there was nothing to seal, or the owner's key was destroyed before.
    pub bytes: Vec<u8>,
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: AuditEntryId,
    /// Whose log it is in.
    pub chain: ScopeRoot,
    /// Its place there, from 1.
    pub sequence: u64,
    /// When it was done.
    pub time: Timestamp,
    /// The service that it was done in.
    pub service: Service,
    /// Who did it, `TYPE:ID`; empty for the suite itself and for unknown callers.
    pub actor: String,
    /// For whom, where the actor is one of the suite's own services.
    pub on_behalf_of: String,
    /// The method, or a word of the suite.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How many attempts were alike.
    pub attempts: u32,
    /// Id of the request.
    pub request_id: String,
    /// Id of the trace.
    pub trace_id: String,
    /// Facts.
    pub details: BTreeMap<String, String>,
    /// From where it was done.
    pub origin: Sealed,
    /// What changed.
    pub content: Sealed,
    /// The hash of the entry before.
    pub previous: [u8; 32],
    /// Its own hash.
    pub hash: [u8; 32],
}

/// Values that belong to persons.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Personal {
    /// Address of the client.
    pub network: String,
    /// How the client names itself.
    pub device: String,
    /// The fields that were changed, as they were before.
    pub before: Map<String, Value>,
    /// The same fields afterwards.
    pub after: Map<String, Value>,
}

/// An entry with its personal values.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The entry.
    pub entry: Entry,
    /// What could be opened.
    pub personal: Personal,
    /// Whether something could not be, because its owner's key was destroyed.
    pub erased: bool,
}

impl Opened {
    /// An entry without personal values.
    #[must_use]
    pub fn plain(entry: Entry) -> Self {
        Self {
            entry,
            personal: Personal::default(),
            erased: false,
        }
    }
}

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The chain.
    pub chain: ScopeRoot,
    /// The place of its last entry.
    pub sequence: u64,
    /// The hash of its last entry.
    pub hash: [u8; 32],
    /// The history of the database that it was written in.
    pub epoch: String,
    /// Whether it was found to be changed when an entry was added.
    pub suspect: bool,
}
