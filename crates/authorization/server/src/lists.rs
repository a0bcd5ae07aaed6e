//! The port to lists over bindings, grants and members, for questions with more than one answer.

use async_trait::async_trait;
use bailiwick_sql::Error;
use bailiwick_types::{AccountAccess, AccountId, AllAccounts, Scope, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// After whom a list of people goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum After {
    /// From its beginning.
    #[default]
    Start,
    /// After a member.
    Member(Uuid),
    /// After all members, and after this subject.
    Other(String),
}

/// Somebody who may have something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub subject: Subject,
    /// The e-mail address, where it is known.
    pub email: Option<String>,
    /// The key after which the list goes on.
    pub key: After,
}

/// What a subject has on a scope, as `ListSubjects` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// `TYPE:ID`.
    pub subject: String,
    /// Names of the roles that reach the scope, sorted.
    pub roles: Vec<String>,
    /// Whether it has a grant on the scope or below it.
    pub granted: bool,
}

/// Reads lists.
#[async_trait]
pub trait Lists: Send + Sync + 'static {
    /// The accounts in which a subject is a member or has a binding, grant or group, after one of them, by
    /// id.
    async fn accounts_of(
        &self,
        all: AllAccounts,
        subject: &Subject,
        after: Option<AccountId>,
        limit: u64,
    ) -> Result<Vec<AccountId>, Error>;
    /// Who may have anything in an account, after somebody; one more than `limit` where the list goes on.
    async fn people(&self, account: AccountAccess, after: &After, limit: usize)
    -> Result<Vec<Person>, Error>;
    /// The titles of scopes of an account, in their order; empty where one is not known.
    async fn titles(&self, account: AccountAccess, scopes: &[Scope]) -> Result<Vec<String>, Error>;
    /// Who has a role on a scope or above it, or a grant on it or below it, by subject. Groups stand for
    /// themselves and their members too. Where `members` is set, users that are no members of the account are
    /// left out. There is one more than `limit` where the list goes on.
    async fn subjects(
        &self,
        account: AccountAccess,
        scope: &Scope,
        members: bool,
        after: Option<&str>,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<Access>, Error>;
}
