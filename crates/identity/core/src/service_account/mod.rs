//! Service accounts: programs that call the suite.

pub mod create;
pub mod delete;
pub mod disable;
pub mod get;
pub mod list;
pub mod rotate;
mod secrets;

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use bailiwick_types::{Scope, ServiceAccountId, StoreError, Subject, Timestamp, Title, text};

pub use create::create;
pub use delete::delete;
pub use disable::disable;
pub use get::get;
pub use list::list;
pub use rotate::rotate;
pub use secrets::{NewSecret, Secrets};

use crate::{operator::OPERATOR, secret::Digest};

/// The scope of a service account: the deployment, a product or an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceScope(Scope);

/// Error for an invalid scope of a service account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `deployment`, `product:NAME` or `account:ID`")]
pub struct ServiceScopeError;

impl ServiceScope {
    /// The scope.
    #[must_use]
    pub fn as_scope(&self) -> &Scope {
        &self.0
    }
}

impl FromStr for ServiceScope {
    type Err = ServiceScopeError;
    fn from_str(text: &str) -> Result<Self, ServiceScopeError> {
        match text.parse() {
            Ok(scope @ (Scope::Deployment | Scope::Product(_) | Scope::Account(_))) => Ok(Self(scope)),
            _ => Err(ServiceScopeError),
        }
    }
}

impl fmt::Display for ServiceScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Error for an invalid name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 63 lower-case letters, digits, `_` and `-`")]
pub struct RoleNameError;

text! {
    /// The name of a role.
    pub struct RoleName: role_name => RoleNameError;
}

fn role_name(text: &str) -> Result<(), RoleNameError> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if (1..=63).contains(&text.len()) && text.chars().all(word) {
        Ok(())
    } else {
        Err(RoleNameError)
    }
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Id; the client id.
    pub id: ServiceAccountId,
    /// Title.
    pub title: Title,
    /// The scope it was created for.
    pub scope: ServiceScope,
    /// The role it was created with there.
    pub role: Option<RoleName>,
    /// Whether it may get tokens.
    pub enabled: bool,
    /// When it was created.
    pub created: Timestamp,
    /// Who created it, if that was recorded.
    pub creator: Option<Subject>,
    /// The revision of the deployment at its last change.
    pub version: u64,
}

/// The intent to disable or delete a service account: written before authorization closes it, removed with
/// the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The service account.
    pub id: ServiceAccountId,
    /// Whether it is deleted then.
    pub deletes: bool,
    /// The version that the change had been about to have; it has this one or a later one.
    pub version: u64,
    /// Who asked for it, `TYPE:ID`; empty for the suite itself.
    pub actor: String,
    /// When it was written.
    pub created: Timestamp,
}

impl ServiceAccount {
    /// Whether it is an operator of the deployment.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        let role = self.role.as_ref().map(RoleName::as_str);
        *self.scope.as_scope() == Scope::Deployment && role == Some(OPERATOR)
    }
}

/// Reads service accounts. One that was deleted is not there, except where that is said.
#[async_trait]
pub trait Reader {
    /// A service account.
    async fn service_account(&self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError>;
    /// A service account with the digests of its secrets.
    async fn service_account_secret(
        &self,
        id: ServiceAccountId,
    ) -> Result<Option<(ServiceAccount, Secrets)>, StoreError>;
    /// All that are disabled, and those that were deleted.
    async fn disabled_service_accounts(&self) -> Result<Vec<ServiceAccountId>, StoreError>;
    /// The intent to disable or delete a service account.
    async fn service_closing(&self, id: ServiceAccountId) -> Result<Option<Closing>, StoreError>;
    /// At most `limit` intents that were written before an instant, oldest first.
    async fn service_closings(&self, before: Timestamp, limit: u64) -> Result<Vec<Closing>, StoreError>;
    /// At most `limit` service accounts in the order of their ids.
    async fn service_account_page(
        &self,
        after: Option<ServiceAccountId>,
        limit: u64,
    ) -> Result<Vec<ServiceAccount>, StoreError>;
}

/// Writes service accounts. The unit holds the deployment's root.
#[async_trait]
pub trait Writer {
    /// Adds a service account.
    async fn insert_service_account(
        &mut self,
        account: &ServiceAccount,
        secret: &Digest,
    ) -> Result<(), StoreError>;
    /// Writes whether it is enabled, its role and its version.
    async fn update_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError>;
    /// Replaces its secrets.
    async fn set_service_secrets(
        &mut self,
        id: ServiceAccountId,
        secrets: &Secrets,
    ) -> Result<(), StoreError>;
    /// Makes a tombstone of it, without secrets.
    async fn bury_service_account(
        &mut self,
        account: &ServiceAccount,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// Adds an intent.
    async fn insert_service_closing(&mut self, closing: &Closing) -> Result<(), StoreError>;
    /// Removes an intent, if there is one.
    async fn delete_service_closing(&mut self, id: ServiceAccountId) -> Result<(), StoreError>;
}
