//! Products: their manifests as they were applied.

pub mod apply;
mod plan;
pub mod preview;
mod replace_roles;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use bailiwick_policy::{
    Numbers,
    manifest::{EntryDecl, Manifest, RoleDecl},
};
use bailiwick_types::{Level, ProductName, Timestamp};

use crate::{StoreError, binding::Binding};

/// A product with its manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its name.
    pub name: ProductName,
    /// The version of the manifest, from 1.
    pub version: u64,
    /// The text that was applied.
    pub source: String,
    /// The manifest.
    pub manifest: Manifest,
    /// The numbers that its permissions, types and roles keep.
    pub numbers: Numbers,
    /// When it was applied.
    pub updated_at: Timestamp,
}

/// What of a product is in use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    /// Roles that are bound, with the level.
    pub roles: BTreeSet<(String, Level)>,
    /// Types of registered resources.
    pub types: BTreeSet<String>,
    /// Levels that places have.
    pub levels: BTreeSet<Level>,
    /// How many service accounts have a role at the product, by the role's name.
    pub services: BTreeMap<String, u64>,
}

/// How often accounts of a product name its permissions, patterns and roles (`role NAME`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Named {
    /// By grants.
    pub grants: BTreeMap<String, u64>,
    /// By roles that accounts defined, and changes of accounts to roles of the product.
    pub roles: BTreeMap<String, u64>,
    /// By pending invitations.
    pub invitations: BTreeMap<String, u64>,
}

impl Named {
    /// Counts what a grant names.
    pub fn add_grants(&mut self, permissions: &[String], count: u64) {
        for text in permissions {
            *self.grants.entry(text.clone()).or_default() += count;
        }
    }
    /// Counts what a role of an account names.
    pub fn add_role(&mut self, decl: &RoleDecl) {
        let included = decl.includes.iter().map(|name| format!("role {name}"));
        let at = || decl.levels.values();
        let assigned = at().flat_map(|at| &at.assigns);
        let assigned = assigned.map(|assign| format!("role {}", assign.role));
        let entries = at().flat_map(|at| &at.permissions);
        let permissions = entries.map(|entry| entry.permission.clone());
        let names: BTreeSet<String> = included.chain(assigned).chain(permissions).collect();
        for name in names {
            *self.roles.entry(name).or_default() += 1;
        }
    }
    /// Counts what a change of a role of the product names.
    pub fn add_overlay(&mut self, role: &str, add: &[EntryDecl]) {
        let permissions = add.iter().map(|entry| entry.permission.clone());
        for name in permissions.chain([format!("role {role}")]) {
            *self.roles.entry(name).or_default() += 1;
        }
    }
    /// Counts the roles that a pending invitation names.
    pub fn add_invitation(&mut self, roles: &[String]) {
        for role in roles {
            *self.invitations.entry(format!("role {role}")).or_default() += 1;
        }
    }
}

/// What becomes of the bindings of a role that a manifest removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    /// The role that is removed, at all its levels or at some.
    pub role: String,
    /// The role that takes its place at the same levels; none: the bindings end.
    pub by: Option<String>,
}

/// Reads products.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A product.
    async fn product(&self, name: &ProductName) -> Result<Option<Product>, StoreError>;
    /// Products by name.
    async fn products(&self, after: Option<&str>, limit: u64) -> Result<Vec<Product>, StoreError>;
    /// What of a product its accounts use.
    async fn usage(&self, name: &ProductName) -> Result<Usage, StoreError>;
    /// How often the accounts of a product name what it has.
    async fn named(&self, name: &ProductName, now: Timestamp) -> Result<Named, StoreError>;
    /// Bindings of the product's roles of these names in all its accounts, by account and id.
    async fn bound(
        &self,
        name: &ProductName,
        roles: &[String],
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError>;
}

/// Writes products.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a product and keeps the version.
    async fn put_product(&mut self, product: &Product) -> Result<(), StoreError>;
}

/// What the tests of the rules begin with.
#[cfg(test)]
mod stage {
    use super::Replacement;

    pub(super) const MANIFEST: &str = "
product: studio
levels: {account: {}, workspace: {}}
subjects: {user: members}
types:
  folder: {verbs: [view]}
  project: {verbs: [view, edit]}
roles:
  owner: {holders: {exactly: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  clerk: {levels: {account: {permissions: [project.edit]}, workspace: {permissions: [project.edit]}}}
  guest: {levels: {account: {permissions: [project.view]}}}
";

    /// The manifest where guests may do more.
    pub(super) fn changed() -> String {
        MANIFEST.replace("[project.view]", "[project.view, project.edit]")
    }

    /// The manifest without the role `clerk`.
    pub(super) fn without_clerk() -> String {
        let lines = MANIFEST.lines().filter(|line| !line.starts_with("  clerk:"));
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn becomes(role: &str, by: &str) -> Replacement {
        Replacement {
            role: role.to_owned(),
            by: Some(by.to_owned()),
        }
    }

    pub(super) fn ends(role: &str) -> Replacement {
        Replacement {
            role: role.to_owned(),
            by: None,
        }
    }
}
