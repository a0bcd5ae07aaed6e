//! Followers of a product or an account. All of a process read the outbox together, each at its own pace: one
//! that is behind reads for itself, by few connections that decisions do not use.

mod event;
mod hub;
mod stream;

use std::sync::Arc;

use bailiwick_sql::{Cursor, Mark};
use bailiwick_types::{AccountId, ProductName, ScopeRoot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use event::{Kind, Kinds, event, own_event};
pub(crate) use hub::{Hub, Slot, run_until};
pub(crate) use stream::{Right, Start, Watcher};

use crate::store::watch::Begin;

/// Followers of products and accounts.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WatchConfig {
    /// How many streams this process serves at once; more are refused with `RESOURCE_EXHAUSTED`. Each counts
    /// among `server.max_in_flight` too.
    pub at_once: usize,
    /// How many of them one caller may have.
    pub of_one_caller: usize,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            at_once: 512,
            of_one_caller: 16,
        }
    }
}

/// What is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whole {
    Product(ProductName),
    Account(AccountId),
}

impl Whole {
    /// Its root.
    pub(crate) fn root(&self) -> ScopeRoot {
        match self {
            Self::Product(name) => ScopeRoot::Product(name.clone()),
            Self::Account(id) => ScopeRoot::Account(*id),
        }
    }
}

/// Where a follower has got to, as its cursor says it. Whose cursor it is stands in the digest that the text
/// begins with: nothing else in it gives access to anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    epoch: String,
    position: u64,
    stamp: Option<i64>,
    /// While the present state is sent: where its next page begins.
    present: Option<Begin>,
}

impl Kept {
    pub(crate) fn new(at: &Mark, present: Option<Begin>) -> Self {
        Self {
            epoch: at.cursor.epoch.to_string(),
            position: at.cursor.position,
            stamp: at.stamp,
            present,
        }
    }
    pub(crate) fn split(self) -> (Mark, Option<Begin>) {
        let cursor = Cursor {
            epoch: Arc::from(self.epoch),
            position: self.position,
        };
        let mark = Mark {
            cursor,
            stamp: self.stamp,
        };
        (mark, self.present)
    }
    pub(crate) fn encode(&self, root: &ScopeRoot) -> String {
        bailiwick_rpc::page::encode(&["Watch", &root.to_string()], self)
    }
    /// Reads a cursor of this root; none where it is not one.
    pub(crate) fn decode(root: &ScopeRoot, text: &str) -> Option<Self> {
        bailiwick_rpc::page::decode(&["Watch", &root.to_string()], text).ok()?
    }
}
