//! Registered resources.

mod reach;
pub mod register;
pub mod relocate;
pub mod transfer;
pub(crate) mod tree;
pub mod unregister;
pub mod update;

use std::collections::BTreeSet;

use bailiwick_policy::{Product, manifest::Quota};
use bailiwick_types::AccountId;
use serde_json::{Map, Value as Json};

pub(crate) use self::reach::grows;
use crate::prelude::*;

/// The longest title of a resource, in characters.
pub const MAX_TITLE: usize = 200;

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

/// Error for an invalid resource name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `TYPE:ID`, with an id of 1 to 256 characters without control characters")]
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
            && bailiwick_types::is_foreign_id(id);
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

impl Resource {
    /// The same as it counts after a move of the workspace that it lies in.
    pub(crate) fn moved(&self, revision: u64) -> Self {
        Self {
            revision,
            ..self.clone()
        }
    }
}

/// Checks what a request says of a resource against the manifest.
fn check(
    product: &Product,
    name: &Name,
    parent: Option<&Name>,
    attributes: &Map<String, Json>,
    faults: &mut Violations,
) {
    if parent.is_some_and(|parent| product.type_no(&parent.of).is_none()) {
        faults.add("parent", "must name a type of the product");
    }
    if parent == Some(name) {
        faults.add("parent", "must not be the resource itself");
    }
    let read = product
        .type_no(&name.of)
        .map(|of| product.attributes(of, attributes));
    for fault in read.and_then(Result::err).into_iter().flatten() {
        faults.add("attributes", fault.to_string());
    }
}

/// The permissions that writing these attributes of a type takes, besides creating or editing the resource.
fn edits<'n>(product: &Product, of: &str, names: impl IntoIterator<Item = &'n String>) -> BTreeSet<String> {
    let of = product.type_no(of).and_then(|no| product.type_info(no));
    let edit = |name: &String| product.permission(of?.attribute(name)?.edit?);
    let edits = names.into_iter().filter_map(edit);
    edits.map(|info| info.name.to_string()).collect()
}

impl Work {
    /// Stores a resource, in place of what it was, and announces the change.
    async fn put_resource(
        &mut self,
        before: Option<Resource>,
        resource: &Resource,
    ) -> Result<(), StoreError> {
        self.unit.put_resource(before, resource).await?;
        self.emit(Change::of_resource(&resource.name));
        Ok(())
    }
    /// Refuses another resource of a type where its owner has reached the quota. The account is locked, so
    /// that two concurrent calls cannot both take the last one.
    async fn ensure_quota(&self, owner: &Subject, of: &str) -> Result<(), Error> {
        let product = self.situation.policy.product();
        let info = product.type_no(of).and_then(|no| product.type_info(no));
        if info.is_none_or(|info| info.quota != Some(Quota::PerMember)) {
            return Ok(());
        }
        match self.unit.quota(owner, of).await? {
            Some(limit) if self.unit.owned(owner, of).await? >= limit => {
                Err(Precondition::QuotaExhausted(limit).into())
            }
            _ => Ok(()),
        }
    }
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
    /// The resources directly below one, by type and id; where a scope is named, those that lie in it.
    async fn children(
        &self,
        name: &Name,
        scope: Option<&Scope>,
        limit: u64,
    ) -> Result<Vec<Resource>, StoreError>;
    /// Resources of a type with these ids, by id.
    async fn resources_named(&self, of: &str, ids: &[&str]) -> Result<Vec<Resource>, StoreError>;
    /// How many levels of resources are below one; not more than `most` are looked at.
    async fn levels_below(&self, name: &Name, most: usize) -> Result<usize, StoreError>;
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
    /// Makes or replaces resources.
    async fn put_resources(&mut self, resources: &[Resource]) -> Result<(), StoreError> {
        for resource in resources {
            self.put_resource(resource).await?;
        }
        Ok(())
    }
    /// Removes a resource with all grants on it and approvals of it; returns whose they were.
    async fn remove_resource(&mut self, name: &Name) -> Result<Vec<Subject>, StoreError>;
}
