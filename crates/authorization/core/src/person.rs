//! Users and service accounts, as identity tells of them.

use async_trait::async_trait;
use bailiwick_types::{ScopeRoot, ServiceAccountId, Subject, UserId};

use crate::StoreError;

/// Whether a user may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersonState {
    /// It may.
    #[default]
    Active,
    /// It has no permission anywhere.
    Disabled,
    /// It is gone.
    Deleted,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its id.
    pub user: UserId,
    /// Its state.
    pub state: PersonState,
    /// Identity's version of it.
    pub version: u64,
    /// The version up to which it stays disabled, whatever older events say.
    pub closed_version: Option<u64>,
    /// Its e-mail address.
    pub email: String,
    /// Whether the address was proved.
    pub email_verified: bool,
    /// Whether it was made as an operator.
    pub operator: bool,
}

impl Person {
    /// A user of whom nothing was told yet.
    #[must_use]
    pub fn unknown(user: UserId) -> Self {
        Self {
            user,
            state: PersonState::Active,
            version: 0,
            closed_version: None,
            email: String::new(),
            email_verified: false,
            operator: false,
        }
    }
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its id.
    pub id: ServiceAccountId,
    /// Identity's version of it.
    pub version: u64,
    /// Whether it may do anything.
    pub enabled: bool,
    /// The scope that it was made for.
    pub root: ScopeRoot,
    /// The role that it was made with; none where it has none.
    pub role: Option<String>,
}

/// The form in which e-mail addresses are compared.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Reads users and service accounts.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A user.
    async fn person(&self, user: UserId) -> Result<Option<Person>, StoreError>;
    /// A service account.
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError>;
    /// Whether a role is bound to a subject at the deployment or at a product.
    async fn has_root_binding(
        &self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
    ) -> Result<bool, StoreError>;
}

/// Writes users and service accounts.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a user.
    async fn put_person(&mut self, person: &Person) -> Result<(), StoreError>;
    /// Makes or replaces a service account.
    async fn put_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError>;
    /// Binds a role at the deployment or at a product, or takes it away. Tells whether that changed anything.
    async fn set_root_binding(
        &mut self,
        root: &ScopeRoot,
        subject: &Subject,
        role: &str,
        bound: bool,
    ) -> Result<bool, StoreError>;
}
