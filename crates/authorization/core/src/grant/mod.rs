//! Grants: subject, permissions, and a resource, a scope or a type in a scope.

pub mod create;
pub mod delete;

use async_trait::async_trait;
pub use bailiwick_policy::AppliesTo;
use bailiwick_types::{AccountId, GrantId, Scope, Subject, Timestamp};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{StoreError, resource::Name};

/// What a grant is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A resource.
    Resource(Name),
    /// A scope with everything under it.
    Scope(Scope),
    /// A type in a scope.
    Type {
        /// The type.
        of: String,
        /// The scope.
        scope: Scope,
        /// Which of its resources.
        applies_to: AppliesTo,
    },
}

/// A grant.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The account.
    pub account: AccountId,
    /// Who has it.
    pub subject: Subject,
    /// The permissions and patterns, sorted.
    pub permissions: Vec<String>,
    /// What it is about.
    pub about: About,
    /// Parameters of conditions.
    pub parameters: Map<String, Json>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The account's revision at which it was made.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub creator: Option<Subject>,
}

/// Which grants a list has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those of this subject.
    pub subject: Option<Subject>,
    /// Only those on this scope, or on a type in it.
    pub scope: Option<Scope>,
    /// Only those on this resource.
    pub resource: Option<Name>,
}

/// Reads grants.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A grant.
    async fn grant(&self, id: GrantId) -> Result<Option<Grant>, StoreError>;
    /// Counts the grants of a subject.
    async fn count_grants(&self, subject: &Subject) -> Result<u64, StoreError>;
    /// Grants by id.
    async fn grants(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Grant>, StoreError>;
}

/// Writes grants.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a grant.
    async fn put_grant(&mut self, grant: &Grant) -> Result<(), StoreError>;
    /// Removes a grant.
    async fn remove_grant(&mut self, id: GrantId) -> Result<(), StoreError>;
}
