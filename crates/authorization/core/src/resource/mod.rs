//! Registered resources.

pub mod register;
pub mod relocate;
pub mod transfer;
pub mod unregister;
pub mod update;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Scope, Subject, Timestamp};
use serde_json::{Map, Value as Json};

use crate::StoreError;

/// A resource's name: type and id, unique in an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The type.
    pub of: String,
    /// The id.
    pub id: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.of, self.id)
    }
}

/// A text that names no resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `TYPE:ID`, with an id of 1 to 256 characters without controls")]
pub struct NameError;

impl std::str::FromStr for Name {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (of, id) = text.split_once(':').ok_or(NameError)?;
        let good = !of.is_empty()
            && of.len() <= 63
            && of
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            && (1..=256).contains(&id.len())
            && !id.chars().any(char::is_control);
        good.then(|| Self {
            of: of.to_owned(),
            id: id.to_owned(),
        })
        .ok_or(NameError)
    }
}

/// A registered resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The account.
    pub account: AccountId,
    /// Type and id.
    pub name: Name,
    /// Where it lives.
    pub scope: Scope,
    /// Who owns it.
    pub owner: Option<Subject>,
    /// The resource above it.
    pub parent: Option<Name>,
    /// Its title.
    pub title: String,
    /// Its attributes.
    pub attributes: Map<String, Json>,
    /// The account's revision at which it was registered.
    pub revision: u64,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// Reads resources.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A resource.
    async fn resource(&self, name: &Name) -> Result<Option<Resource>, StoreError>;
    /// Resources of a type by id.
    async fn resources(
        &self,
        of: &str,
        scope: Option<&Scope>,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Resource>, StoreError>;
    /// The resources directly below one, by type and id.
    async fn children(&self, name: &Name, limit: u64) -> Result<Vec<Resource>, StoreError>;
    /// Whether there are resources directly below it.
    async fn has_children(&self, name: &Name) -> Result<bool, StoreError>;
    /// Counts the resources of a type that a subject owns.
    async fn owned(&self, owner: &Subject, of: &str) -> Result<u64, StoreError>;
    /// How many resources of a type a subject may own, where that is limited.
    async fn quota(&self, subject: &Subject, of: &str) -> Result<Option<u64>, StoreError>;
    /// The quotas that were set, by subject and type.
    async fn quotas(
        &self,
        subject: Option<&Subject>,
        after: Option<&(String, String)>,
        limit: u64,
    ) -> Result<Vec<(Subject, String, u64)>, StoreError>;
}

/// Writes resources.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Limits how many resources of a type a subject may own; none lifts the limit.
    async fn put_quota(&mut self, subject: &Subject, of: &str, limit: Option<u64>) -> Result<(), StoreError>;
    /// Makes or replaces a resource.
    async fn put_resource(&mut self, resource: &Resource) -> Result<(), StoreError>;
    /// Removes a resource with all grants on it and approvals of it; returns whose they were.
    async fn remove_resource(&mut self, name: &Name) -> Result<Vec<Subject>, StoreError>;
}
