//! Members: users that belong to an account.

pub mod batch_remove;
pub mod create;
pub mod delete;
pub mod look_up;
pub mod remove;
pub mod seat;
pub mod suspend;
pub mod update;

use async_trait::async_trait;
use bailiwick_policy::{MemberState, manifest::MemberKind};
use bailiwick_types::{AccountId, Subject, Timestamp, UserId};
use uuid::Uuid;

use crate::StoreError;

/// A user's belonging to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: AccountId,
    /// The user.
    pub user: UserId,
    /// Its kind.
    pub kind: MemberKind,
    /// Whether it is active.
    pub state: MemberState,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
}

impl Member {
    /// A member that is active and does not end by itself.
    #[must_use]
    pub fn new(account: AccountId, user: UserId, kind: MemberKind, now: Timestamp) -> Self {
        Self {
            account,
            user,
            kind,
            state: MemberState::Active,
            expires_at: None,
            created_at: now,
        }
    }
    /// Whether the membership counts at that instant.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.state == MemberState::Active && self.expires_at.is_none_or(|at| at > now)
    }
}

/// Reads members.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A member.
    async fn member(&self, user: UserId) -> Result<Option<Member>, StoreError>;
    /// Members by user id.
    async fn members(&self, after: Option<UserId>, limit: u64) -> Result<Vec<Member>, StoreError>;
    /// Counts the seats that are taken: those of agents, whatever their state.
    async fn seats_taken(&self) -> Result<u64, StoreError>;
    /// All accounts in which a subject is a member or has a binding.
    async fn accounts_of(&self, subject: &Subject) -> Result<Vec<AccountId>, StoreError>;
}

/// Writes members.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces a member.
    async fn put_member(&mut self, member: &Member) -> Result<(), StoreError>;
    /// Removes a member with its bindings, grants, groups, approvals and quotas.
    async fn remove_member(&mut self, user: UserId) -> Result<(), StoreError>;
    /// Removes a subject's grants on these scopes and on the resources in them.
    async fn remove_grants(&mut self, subject: &Subject, scopes: &[Uuid]) -> Result<(), StoreError>;
}
