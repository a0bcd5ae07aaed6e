//! Accounts and the places in them, as authorization knows them.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bailiwick_policy::{AccountPolicy, PlaceId, PlaceState};
use bailiwick_types::{
    AccountId, InstanceId, Level, ProductName, Scope, SourceVersion, Timestamp, WorkspaceId,
};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::StoreError;

/// An account.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its product.
    pub product: ProductName,
    /// Its title.
    pub title: String,
    /// Whether anything may be done in it.
    pub state: PlaceState,
    /// Tenancy's version of it.
    pub version: SourceVersion,
    /// The version up to which it stays closed, whatever older events say.
    pub closed_version: Option<SourceVersion>,
    /// Seats that members may take; 0 is no limit.
    pub seats: u32,
    /// Start of the billing cycle.
    pub billing_anchor: Timestamp,
    /// Settings that have a value of their own.
    pub settings: BTreeMap<String, Json>,
    /// Tenancy's version of the settings.
    pub settings_version: SourceVersion,
    /// When it became known here.
    pub created_at: Timestamp,
}

/// An instance or workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The account that it lies in.
    pub account: AccountId,
    /// What it is.
    pub scope: Scope,
    /// The account or instance above it.
    pub parent: Scope,
    /// Its title.
    pub title: String,
    /// Its edition, where it has one.
    pub edition: Option<String>,
    /// Whether anything may be done in it.
    pub state: PlaceState,
    /// Tenancy's version of it.
    pub version: SourceVersion,
    /// The version up to which it stays closed, whatever older events say.
    pub closed_version: Option<SourceVersion>,
    /// When it became known here.
    pub created_at: Timestamp,
}

impl From<&Place> for bailiwick_policy::Place {
    fn from(place: &Place) -> Self {
        Self {
            id: PlaceId::from(&place.scope),
            parent: PlaceId::from(&place.parent),
            level: place.scope.level(),
            state: place.state,
        }
    }
}

/// A scope that was closed before the feed has told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyClosure {
    /// The version that closes it.
    pub version: SourceVersion,
    /// What it will be then.
    pub state: PlaceState,
}

/// The scope of a level with that UUID; accounts, instances and workspaces alone have one.
#[must_use]
pub fn scope_of(level: Level, id: Uuid) -> Option<Scope> {
    match level {
        Level::Account => Some(Scope::Account(AccountId::from_uuid(id))),
        Level::Instance => Some(Scope::Instance(InstanceId::from_uuid(id))),
        Level::Workspace => Some(Scope::Workspace(WorkspaceId::from_uuid(id))),
        Level::Deployment | Level::Product => None,
    }
}

/// Reads accounts and places.
#[async_trait]
pub trait Reader: Send + Sync {
    /// An account.
    async fn account(&self) -> Result<Option<Account>, StoreError>;
    /// The account's revision.
    async fn revision(&self) -> Result<u64, StoreError>;
    /// The accounts of a product by id.
    async fn accounts_of_product(
        &self,
        product: &ProductName,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, StoreError>;
    /// Those of these places that are known, and what is above them.
    async fn places(&self, ids: &[Uuid]) -> Result<Vec<Place>, StoreError>;
    /// The places below an account or a place, at any depth.
    async fn places_below(&self, scope: &Scope) -> Result<Vec<Place>, StoreError>;
    /// What decides in the account.
    async fn policy(&self, account: &Account) -> Result<Arc<AccountPolicy>, StoreError>;
    /// A closure that came before its scope.
    async fn early_closure(&self, scope: Uuid) -> Result<Option<EarlyClosure>, StoreError>;
}

/// Writes accounts and places.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces an account.
    async fn put_account(&mut self, account: &Account) -> Result<(), StoreError>;
    /// Makes or replaces a place.
    async fn put_place(&mut self, place: &Place) -> Result<(), StoreError>;
    /// Notes a closure that came before its scope; none forgets it.
    async fn put_early_closure(
        &mut self,
        scope: Uuid,
        closure: Option<EarlyClosure>,
    ) -> Result<(), StoreError>;
}
