//! Moves of workspaces: to another parent in the account, or to another account of the product.
//!
//! Tenancy owns where a workspace lies. It commits an intent with the version that the move will have, has it
//! moved here, then commits the change. Everything that is known of the workspace moves in one transaction
//! under the locks of both accounts, so that no revision has a part of it. The workspace is closed from then
//! on until the feed tells the version of the move.

mod arriving;
mod carry;
mod leaving;
mod own;
mod run;
mod within;

use async_trait::async_trait;
use bailiwick_types::{AccountId, Refused, Scope, SourceVersion, StoreError, Subject, Timestamp};

pub(crate) use self::run::follow_within;
pub use self::run::{Foreseen, Refusal, arrive_unasked, check, preview, relocate, relocate_unasked};
use crate::{
    approval::Approval,
    grant::Grant,
    invitation::Invitation,
    resource::{Name, Resource},
};

/// The action under which the audit log shows what was moved without being asked.
const FEED: &str = "feed";
/// The most resources, bindings, grants and requests of a workspace, each, that move together.
pub const MOST: usize = 10_000;

/// A move of a workspace.
#[derive(Debug, Clone)]
pub struct Relocation {
    /// The account that it lies in.
    pub account: AccountId,
    /// The workspace.
    pub scope: Scope,
    /// The account that it moves to; may be the same.
    pub target: AccountId,
    /// Where it moves to: the target account, or an instance of it.
    pub parent: Scope,
    /// Tenancy's version of the workspace after the move.
    pub version: SourceVersion,
    /// Who moves it; none where it has moved already and is only followed.
    pub mover: Option<Mover>,
}

impl Relocation {
    /// Whether it stays in its account.
    #[must_use]
    pub fn is_within(&self) -> bool {
        self.account == self.target
    }
    /// Who moves it.
    fn mover(&self) -> Result<&Mover, Refused> {
        self.mover.as_ref().ok_or(Refused::Denied)
    }
}

/// Who moves a workspace.
#[derive(Debug, Clone)]
pub struct Mover {
    /// Who it is.
    pub subject: Subject,
    /// Whether a role of the deployment lets it move the workspace.
    pub operator: bool,
    /// Whether a role of the deployment lets it create one at the target.
    pub target_operator: bool,
}

/// Reads what is in a scope.
#[async_trait]
pub trait Reader: Send + Sync {
    /// The resources that lie in a scope, by type and id.
    async fn resources_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Resource>, StoreError>;
    /// The grants on resources that lie in a scope.
    async fn grants_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Grant>, StoreError>;
    /// The invitations to a scope that were neither accepted nor revoked.
    async fn invitations_to(&self, scope: &Scope, limit: u64) -> Result<Vec<Invitation>, StoreError>;
    /// The requests for approvals on a scope, and on resources that lie in it.
    async fn approvals_in(&self, scope: &Scope, limit: u64) -> Result<Vec<Approval>, StoreError>;
    /// The resources whose parent lies on the other side of the border of a scope.
    async fn linked_across(&self, scope: &Scope, limit: u64) -> Result<Vec<Name>, StoreError>;
}

/// Writes what is in a scope.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Has the resources that lie in a scope count as registered at a revision.
    async fn register_anew(&mut self, scope: &Scope, revision: u64, now: Timestamp)
    -> Result<(), StoreError>;
    /// Removes the resources that lie in a scope, and all bindings, grants and requests for approvals on it
    /// and on them.
    async fn remove_contents(&mut self, scope: &Scope) -> Result<(), StoreError>;
}
