//! The small numbers and keys that decisions are made with.

use bailiwick_types::{AccountId, InstanceId, Level, Scope, Subject, WorkspaceId};
use serde::{Deserialize, Serialize};

/// The number of a permission within its product; given at first apply, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PermissionNo(pub u16);

/// The number of a resource type within its product; given at first apply, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TypeNo(pub u16);

/// The number of a role: a product's role below [`RoleNo::FIRST_CUSTOM`], an account's own from there on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleNo(pub u32);

impl RoleNo {
    /// The deployment's `operator`.
    pub const OPERATOR: Self = Self(0);
    /// The products' `service`, which asks for decisions.
    pub const SERVICE: Self = Self(1);
    /// The first number of an account's own roles.
    pub const FIRST_CUSTOM: Self = Self(1 << 16);

    /// Tells whether the role was defined by an account.
    #[must_use]
    pub fn is_custom(self) -> bool {
        self >= Self::FIRST_CUSTOM
    }
}

/// An account, instance or workspace by its UUID; two reserved values stand for deployment and product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(pub u128);

impl PlaceId {
    /// The deployment.
    pub const DEPLOYMENT: Self = Self(0);
    /// The product of the account that is being looked at.
    pub const PRODUCT: Self = Self(1);

    /// Names the scope that this id stands for at the given level; `None` for deployment and product levels.
    #[must_use]
    pub fn to_scope(self, level: Level) -> Option<Scope> {
        let uuid = uuid::Uuid::from_u128(self.0);
        match level {
            Level::Deployment => Some(Scope::Deployment),
            Level::Product => None,
            Level::Account => Some(Scope::Account(AccountId::from_uuid(uuid))),
            Level::Instance => Some(Scope::Instance(InstanceId::from_uuid(uuid))),
            Level::Workspace => Some(Scope::Workspace(WorkspaceId::from_uuid(uuid))),
        }
    }
}

impl From<&Scope> for PlaceId {
    fn from(scope: &Scope) -> Self {
        match scope {
            Scope::Deployment => Self::DEPLOYMENT,
            Scope::Product(_) => Self::PRODUCT,
            Scope::Account(id) => Self::from(*id),
            Scope::Instance(id) => Self::from(*id),
            Scope::Workspace(id) => Self::from(*id),
        }
    }
}

impl From<AccountId> for PlaceId {
    fn from(id: AccountId) -> Self {
        Self(id.uuid().as_u128())
    }
}

impl From<InstanceId> for PlaceId {
    fn from(id: InstanceId) -> Self {
        Self(id.uuid().as_u128())
    }
}

impl From<WorkspaceId> for PlaceId {
    fn from(id: WorkspaceId) -> Self {
        Self(id.uuid().as_u128())
    }
}

/// Reads an opaque subject id with an optional type: `user` where none is written.
///
/// Owners and attributes of type `subject` are written like this; the subject need not exist.
#[must_use]
pub fn subject_of(text: &str) -> Option<Subject> {
    text.parse().ok().or_else(|| Subject::new("user", text).ok())
}
