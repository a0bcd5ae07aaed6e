//! Groups of subjects.

pub mod add_member;
pub mod create;
pub mod delete;
mod holdings;
pub mod remove_member;

use async_trait::async_trait;
use bailiwick_types::{AccountId, GroupId, Subject, Timestamp};
use uuid::Uuid;

use crate::StoreError;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The account.
    pub account: AccountId,
    /// Its title.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Reads groups.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A group.
    async fn group(&self, id: GroupId) -> Result<Option<Group>, StoreError>;
    /// Groups by id.
    async fn groups(&self, after: Option<Uuid>, limit: u64) -> Result<Vec<Group>, StoreError>;
    /// Who is in a group directly, in the order of the texts.
    async fn group_members(
        &self,
        id: GroupId,
        after: Option<&str>,
        limit: u64,
    ) -> Result<Vec<Subject>, StoreError>;
    /// The groups that a subject is in directly.
    async fn groups_of(&self, subject: &Subject) -> Result<Vec<GroupId>, StoreError>;
}

/// Writes groups.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes a group.
    async fn put_group(&mut self, group: &Group) -> Result<(), StoreError>;
    /// Removes a group with its members, bindings and grants.
    async fn remove_group(&mut self, id: GroupId) -> Result<(), StoreError>;
    /// Puts a subject into a group or takes it out.
    async fn set_group_member(
        &mut self,
        id: GroupId,
        subject: &Subject,
        is_in: bool,
    ) -> Result<(), StoreError>;
}
