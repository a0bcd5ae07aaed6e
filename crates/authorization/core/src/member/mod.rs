//! Members: users that belong to an account.

pub mod batch_remove;
pub mod create;
pub mod delete;
pub mod look_up;
pub mod remove;
pub mod seat;
pub mod suspend;
pub mod update;

use std::collections::BTreeSet;

use bailiwick_policy::{MemberState, manifest::MemberKind};
use bailiwick_types::AccountId;
use uuid::Uuid;

use crate::prelude::*;
use crate::{
    Read,
    binding::Binding,
    holders,
    person::{PersonState, behind},
    sources::may_assign_all,
};

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

/// A user's membership, where it counts now: not where the user is disabled.
pub(crate) async fn active(
    read: &(impl Read + ?Sized),
    user: UserId,
    now: Timestamp,
) -> Result<Option<Member>, StoreError> {
    let member = read.member(user).await?;
    let Some(member) = member.filter(|member| member.is_active(now)) else {
        return Ok(None);
    };
    let person = read.person(user).await?;
    let is_active = person.is_none_or(|person| person.state == PersonState::Active);
    Ok(is_active.then_some(member))
}

/// Those of some users whose membership counts now.
pub(crate) async fn active_of(
    read: &(impl Read + ?Sized),
    users: &[UserId],
    now: Timestamp,
) -> Result<BTreeSet<UserId>, StoreError> {
    let members = read.members_of(users).await?;
    let members = members.iter().filter(|member| member.is_active(now));
    let mut active: BTreeSet<UserId> = members.map(|member| member.user).collect();
    for person in read.people(users).await? {
        if person.state != PersonState::Active {
            active.remove(&person.user);
        }
    }
    Ok(active)
}

/// Reads members.
#[async_trait]
pub trait Reader: Send + Sync {
    /// A member.
    async fn member(&self, user: UserId) -> Result<Option<Member>, StoreError>;
    /// Those of some users that are members.
    async fn members_of(&self, users: &[UserId]) -> Result<Vec<Member>, StoreError> {
        let mut members = Vec::new();
        for user in users {
            members.extend(self.member(*user).await?);
        }
        Ok(members)
    }
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

/// Refuses to let bindings stop counting, all of them at once, where a role would be left without a holder.
async fn ensure_held<'b>(work: &Work, bindings: impl IntoIterator<Item = &'b Binding>) -> Result<(), Error> {
    let broken = holders::first_broken(&*work.unit, &work.situation, bindings, work.now).await?;
    match broken {
        Some(Binding { role, .. }) => Err(Precondition::HolderRule { role: role.clone() }.into()),
        None => Ok(()),
    }
}

/// Asks for the right to assign, and so revoke, the role of every binding. Where the bindings stop counting,
/// the holder rules come first.
async fn check_roles(work: &mut Work, bindings: &[Binding], stop_counting: bool) -> Result<(), Error> {
    work.look_at(bindings.iter().map(|binding| &binding.scope))
        .await?;
    if stop_counting {
        ensure_held(work, bindings).await?;
    }
    if may_assign_all(work, bindings) {
        Ok(())
    } else {
        Err(Refused::Denied.into())
    }
}

/// Refuses a caller that changes its own membership, also through a service account of its making.
async fn ensure_other(work: &Work, user: UserId) -> Result<(), Error> {
    match behind(&*work.unit, &work.actor.subject).await? {
        Some(behind) if behind != Subject::user(user) => Ok(()),
        _ => Err(Refused::Denied.into()),
    }
}
