//! API keys: a part of a user's rights for programs.
//!
//! A key is bound to an account, a place in it and a list of permissions. Whoever calls with it is its maker;
//! authorization is asked for the maker's rights at each call, so that a key never outlives them.

pub mod create;
pub mod get;
pub mod list;
mod peppers;
pub mod revoke;
pub mod verify;

use std::time::Duration;

use async_trait::async_trait;
use bailiwick_types::{AccountId, ApiKeyId, KeyScope, ScopeRoot, StoreError, Timestamp, Title, UserId};

pub use create::create;
pub use get::{get, owner};
pub use list::list;
pub use peppers::{KeyMac, KeyPepper, KeyPeppers};
pub use revoke::revoke;
pub use verify::{verify, verify_here};

/// How many live keys a user has at most.
pub const MOST: u64 = 100;
/// How long an ended key is listed.
pub const KEPT: Duration = Duration::from_hours(30 * 24);

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Title.
    pub title: Title,
    /// Its maker.
    pub user: UserId,
    /// What it serves for; its id is in it.
    pub scope: KeyScope,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// The hour of its last use.
    pub last_used: Option<Timestamp>,
    /// The key that takes its place.
    pub renewed_by: Option<ApiKeyId>,
}

impl ApiKey {
    /// The id.
    #[must_use]
    pub fn id(&self) -> ApiKeyId {
        self.scope.key
    }
    /// Whether it has not ended.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked.is_none() && now < self.expires
    }
    /// The root whose revision its changes count up.
    #[must_use]
    pub fn root(&self) -> ScopeRoot {
        ScopeRoot::User(self.user)
    }
}

/// Reads API keys.
#[async_trait]
pub trait Reader {
    /// A key.
    async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
    /// A key with what it is verified by.
    async fn api_key_mac(&self, id: ApiKeyId) -> Result<Option<(ApiKey, KeyMac)>, StoreError>;
    /// The key in whose place another one was made.
    async fn api_key_before(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;
    /// At most `limit` keys of an account in the order of their ids, only those of a user if one is given.
    async fn api_key_page(
        &self,
        account: AccountId,
        user: Option<UserId>,
        after: Option<ApiKeyId>,
        limit: u64,
    ) -> Result<Vec<ApiKey>, StoreError>;
    /// How many live keys a user has.
    async fn live_api_keys(&self, user: UserId, now: Timestamp) -> Result<u64, StoreError>;
}

/// Writes API keys. The unit holds the root of their user.
#[async_trait]
pub trait Writer {
    /// Adds a key.
    async fn insert_api_key(&mut self, key: &ApiKey, mac: &KeyMac) -> Result<(), StoreError>;
    /// Writes when it ends, when it was revoked, and which key takes its place.
    async fn update_api_key(&mut self, key: &ApiKey) -> Result<(), StoreError>;
    /// Notes a use, unless a later one is noted. The unit needs no root.
    async fn use_api_key(&mut self, id: ApiKeyId, hour: Timestamp) -> Result<(), StoreError>;
    /// Removes at most `limit` keys that ended before an instant; how many.
    async fn purge_api_keys(&mut self, before: Timestamp, limit: u64) -> Result<u64, StoreError>;
}
