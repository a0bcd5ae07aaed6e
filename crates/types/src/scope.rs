//! Scopes: deployment > product > account > instance > workspace.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{AccountId, InstanceId, WorkspaceId};

/// A text that is no product name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 63 lower-case letters, digits and hyphens, a letter first")]
pub struct ProductNameError;

text! {
    /// The name of a product: 1 to 63 lower-case letters, digits and hyphens, a letter first.
    pub struct ProductName: product_name => ProductNameError;
}

fn product_name(text: &str) -> Result<(), ProductNameError> {
    let mut chars = text.chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_lowercase());
    let rest = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if first && rest && text.len() <= 63 {
        Ok(())
    } else {
        Err(ProductNameError)
    }
}

words! {
    /// The kinds of scope, from the widest to the narrowest.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Level {
        /// Everything.
        Deployment = "deployment",
        /// All accounts of a product.
        Product = "product",
        /// One account.
        Account = "account",
        /// One instance of an account.
        Instance = "instance",
        /// One workspace.
        Workspace = "workspace",
    }
}

crate::codes!(Level { Deployment = 0, Product = 1, Account = 2, Instance = 3, Workspace = 4 });

/// A place in the tree. Instances and workspaces are named by their id alone; the account is named beside
/// them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything.
    Deployment,
    /// All accounts of a product.
    Product(ProductName),
    /// An account.
    Account(AccountId),
    /// An instance.
    Instance(InstanceId),
    /// A workspace.
    Workspace(WorkspaceId),
}

impl Scope {
    /// The kind of scope it is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Deployment => Level::Deployment,
            Self::Product(_) => Level::Product,
            Self::Account(_) => Level::Account,
            Self::Instance(_) => Level::Instance,
            Self::Workspace(_) => Level::Workspace,
        }
    }
    /// The UUID of an account, instance or workspace.
    #[must_use]
    pub fn uuid(&self) -> Option<uuid::Uuid> {
        match self {
            Self::Deployment | Self::Product(_) => None,
            Self::Account(id) => Some(id.uuid()),
            Self::Instance(id) => Some(id.uuid()),
            Self::Workspace(id) => Some(id.uuid()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment => f.write_str("deployment"),
            Self::Product(name) => write!(f, "product:{name}"),
            Self::Account(id) => write!(f, "account:{id}"),
            Self::Instance(id) => write!(f, "instance:{id}"),
            Self::Workspace(id) => write!(f, "workspace:{id}"),
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be `deployment`, `product:NAME`, `account:ID`, `instance:ID` or `workspace:ID`")]
pub struct ScopeError;

impl FromStr for Scope {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if text == "deployment" {
            return Ok(Self::Deployment);
        }
        let (kind, id) = text.split_once(':').ok_or(ScopeError)?;
        match kind {
            "product" => id.parse().map(Self::Product).map_err(|_| ScopeError),
            "account" => id.parse().map(Self::Account).map_err(|_| ScopeError),
            "instance" => id.parse().map(Self::Instance).map_err(|_| ScopeError),
            "workspace" => id.parse().map(Self::Workspace).map_err(|_| ScopeError),
            _ => Err(ScopeError),
        }
    }
}

/// What counts up a revision of its own: the deployment, a product, an account; in identity also a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScopeRoot {
    /// The deployment.
    Deployment,
    /// A product.
    Product(ProductName),
    /// An account.
    Account(AccountId),
    /// A user (identity only: users belong to no account).
    User(crate::UserId),
}

impl fmt::Display for ScopeRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment => f.write_str("deployment"),
            Self::Product(name) => write!(f, "product:{name}"),
            Self::Account(id) => write!(f, "account:{id}"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}

impl FromStr for ScopeRoot {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        if let Some(id) = text.strip_prefix("user:") {
            return id.parse().map(Self::User).map_err(|_| ScopeError);
        }
        match text.parse()? {
            Scope::Deployment => Ok(Self::Deployment),
            Scope::Product(name) => Ok(Self::Product(name)),
            Scope::Account(id) => Ok(Self::Account(id)),
            Scope::Instance(_) | Scope::Workspace(_) => Err(ScopeError),
        }
    }
}
