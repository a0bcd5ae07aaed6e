//! Service accounts: programs that call the suite.

use std::{fmt, str::FromStr};

use bailiwick_types::{Scope, ServiceAccountId, Subject, Timestamp};

use crate::title::Title;

/// The scope that a service account is made for: the deployment, a product or an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceScope(Scope);

/// A text that is no scope for a service account.
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

/// The name of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleName(String);

/// A text that is no name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 63 lower-case letters, digits, `_` and `-`")]
pub struct RoleNameError;

impl RoleName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleName {
    type Err = RoleNameError;
    fn from_str(text: &str) -> Result<Self, RoleNameError> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if (1..=63).contains(&text.len()) && text.chars().all(word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RoleNameError)
        }
    }
}

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Id; the client id.
    pub id: ServiceAccountId,
    /// Title.
    pub title: Title,
    /// What it was made for.
    pub scope: ServiceScope,
    /// The role it was made with there.
    pub role: Option<RoleName>,
    /// Whether it may get tokens.
    pub enabled: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Who made it; none where that was not written down.
    pub creator: Option<Subject>,
    /// The revision of the deployment at its last change.
    pub version: u64,
}
