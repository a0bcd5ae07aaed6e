//! Role bindings: subject, role, scope.

pub mod assign;
pub mod copy;
pub mod holders;
pub mod recover;
pub mod revoke;
pub mod transfer;

use async_trait::async_trait;
use bailiwick_policy::{AccountPolicy, PlaceId, StoredBinding};
use bailiwick_types::{AccountId, BindingId, Scope, Subject, Timestamp, UserId};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{StoreError, member::Member, person::PersonState};

/// A role binding.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// The account.
    pub account: AccountId,
    /// Who has the role.
    pub subject: Subject,
    /// The name of the role.
    pub role: String,
    /// Where it is bound.
    pub scope: Scope,
    /// Tells bindings of the same role, subject and scope apart.
    pub key: String,
    /// Parameters of the role's conditions.
    pub parameters: Map<String, Json>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it; none for the suite itself.
    pub creator: Option<Subject>,
}

impl Binding {
    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
    /// The row as decisions read it.
    #[must_use]
    pub fn stored(&self, policy: &AccountPolicy) -> StoredBinding {
        StoredBinding {
            role: self.role.clone(),
            number: policy.role_no(&self.role).filter(|no| no.is_custom()),
            level: self.scope.level(),
            place: PlaceId::from(&self.scope),
            expires_at: self.expires_at,
            parameters: self.parameters.clone(),
        }
    }
}

/// Which bindings a list has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only those of this subject.
    pub subject: Option<Subject>,
    /// Only those on this scope.
    pub scope: Option<Scope>,
}

/// A user with a role on a scope, and what decides whether it counts as a holder of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: UserId,
    /// When the binding ends by itself.
    pub expires_at: Option<Timestamp>,
    /// Its membership.
    pub member: Option<Member>,
    /// Its state.
    pub state: PersonState,
}

/// Reads bindings.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The bindings of a role to a subject on a scope: one for each key.
    async fn bindings_on(
        &self,
        subject: &Subject,
        role: &str,
        scope: &Scope,
    ) -> Result<Vec<Binding>, StoreError>;
    /// All bindings of a subject in an account.
    async fn bindings_of(&self, subject: &Subject) -> Result<Vec<Binding>, StoreError>;
    /// Bindings by id.
    async fn bindings(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError>;
    /// Whether a group is one of the account.
    async fn group_exists(&self, group: &Subject) -> Result<bool, StoreError>;
    /// The users that have a role on a scope.
    async fn holders(&self, role: &str, scope: &Scope) -> Result<Vec<Holder>, StoreError>;
}

/// Writes bindings.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a binding.
    async fn put_binding(&mut self, binding: &Binding) -> Result<(), StoreError>;
    /// Makes or replaces bindings.
    async fn put_bindings(&mut self, bindings: &[Binding]) -> Result<(), StoreError> {
        for binding in bindings {
            self.put_binding(binding).await?;
        }
        Ok(())
    }
    /// Removes a binding.
    async fn remove_binding(&mut self, binding: &Binding) -> Result<(), StoreError>;
}
