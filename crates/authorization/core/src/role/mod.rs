//! Roles that an account defined, and what it changed about roles of its product.

pub mod change;
pub mod create;
pub mod delete;

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_policy::{AccountPolicy, CustomRole, LevelOverlay, Overlay, OwnSize};
use bailiwick_types::Level;
use uuid::Uuid;

use crate::{Audit, Change, StoreError, Work, binding::Binding, compiling::PolicyParts};

/// The roles that the account has defined.
#[must_use]
pub fn custom_roles(policy: &AccountPolicy) -> Vec<CustomRole> {
    let own = policy.roles().filter_map(|role| policy.custom_role(role.no));
    own.cloned().collect()
}

/// What the account has changed about roles of its product.
#[must_use]
pub fn overlays(policy: &AccountPolicy) -> Vec<Overlay> {
    let changed = policy.roles().filter_map(|role| policy.overlay(role.no));
    changed.cloned().collect()
}

/// The policy of the account with other roles.
#[derive(Debug)]
struct Next {
    policy: Arc<AccountPolicy>,
    /// How large the account's roles are now, and would be.
    sizes: (OwnSize, OwnSize),
}

/// Compiles the policy of the account with other roles.
async fn with_roles(
    work: &Work,
    custom: Vec<CustomRole>,
    overlays: Vec<Overlay>,
) -> Result<Next, StoreError> {
    let parts = PolicyParts {
        product: Arc::clone(work.situation.policy.product()),
        custom,
        overlays,
        settings: work.situation.account.settings.clone(),
    };
    let before = work.situation.policy.own_size();
    let (policy, after) = parts.compile_measured().await?;
    Ok(Next {
        policy,
        sizes: (before, after),
    })
}

/// Publishes that a role of the account changed. The caller emits the entry for the audit log.
fn changed(work: &mut Work, role: &str) -> Audit {
    work.emit(Change::Policy(Some(work.account())));
    work.entry(work.account_scope()).with("role", role)
}

/// Reads what is bound by role.
#[async_trait]
pub trait Reader: Send + Sync {
    /// Bindings of any of these roles, by id.
    async fn bindings_of_roles(
        &self,
        roles: &[String],
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Vec<Binding>, StoreError>;
}

/// Writes roles.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a role of the account.
    async fn put_role(&mut self, role: &CustomRole) -> Result<(), StoreError>;
    /// Removes a role of the account.
    async fn remove_role(&mut self, name: &str) -> Result<(), StoreError>;
    /// Sets what the account changed about a role of the product at one level.
    async fn put_overlay(
        &mut self,
        role: &str,
        level: Level,
        overlay: &LevelOverlay,
    ) -> Result<(), StoreError>;
}
