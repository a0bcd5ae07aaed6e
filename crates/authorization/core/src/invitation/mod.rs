//! Invitations by e-mail, with roles.

pub mod accept;
pub mod batch_create;
pub mod create;
pub mod resend;
pub mod revoke;

use std::{collections::BTreeSet, time::Duration};

use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, Email, EmailKey, InvitationId};
use uuid::Uuid;

use crate::Audit;
use crate::prelude::*;

/// How long an invitation waits.
pub const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits to be accepted.
    Pending,
    /// It was accepted.
    Accepted,
    /// It was taken back.
    Revoked,
    /// It was not accepted in time.
    Expired,
}

bailiwick_types::codes!(State { Pending = 1, Accepted = 2, Revoked = 3, Expired = 4 });

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The account.
    pub account: AccountId,
    /// The e-mail address.
    pub email: Email,
    /// The kind of member that whoever accepts it becomes. An agent stays one.
    pub kind: MemberKind,
    /// The names of the roles.
    pub roles: Vec<String>,
    /// The generation of these names: see [`bailiwick_policy::Product::generation`].
    pub generation: u32,
    /// Where they are given.
    pub scope: Scope,
    /// What became of it.
    pub state: State,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub creator: Subject,
    /// Its version, from 1.
    pub version: u64,
}

impl Invitation {
    /// What it is at that instant: one that nobody accepted in time is no longer pending.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> State {
        match self.state {
            State::Pending if self.expires_at <= now => State::Expired,
            state => state,
        }
    }
    /// Ends it.
    pub fn end(&mut self, state: State) {
        self.state = state;
        self.version += 1;
    }
    fn ensure_pending(&self, now: Timestamp) -> Result<(), Precondition> {
        match self.state_at(now) {
            State::Pending => Ok(()),
            _ => Err(Precondition::InvitationNotPending),
        }
    }
}

/// The invitation of this id, where the actor could make it now. Only an actor who may invite to the whole
/// account learns that an invitation does not exist.
async fn manageable(work: &mut Work, id: InvitationId) -> Result<Invitation, Error> {
    let Some(found) = work.unit.invitation(id).await? else {
        work.require("user.invite", &work.account_scope())?;
        return Err(Refused::NotFound("invitation").into());
    };
    work.look_at([&found.scope]).await?;
    work.require("user.invite", &found.scope)?;
    let could_give = |name: &String| {
        // A role that the account no longer has gives nothing.
        let role = work.situation.role_at(name, found.scope.level());
        role.is_none_or(|role| work.may_assign(role, &found.scope))
    };
    if found.roles.iter().all(could_give) {
        Ok(found)
    } else {
        Err(Refused::Denied.into())
    }
}

/// Writes an invitation and publishes the change.
async fn put(work: &mut Work, invitation: &Invitation) -> Result<(), StoreError> {
    work.unit.put_invitation(invitation, work.now).await?;
    work.emit(Change::Invitation(invitation.clone()));
    Ok(())
}

fn entry(work: &Work, invitation: &Invitation) -> Audit {
    work.entry(&invitation.scope).with("invitation", invitation.id)
}

fn is_allowed(work: &Work, email: &Email) -> bool {
    domain_is_allowed(email, work.situation.policy.setting("allowed_domains"))
}

fn ensure_allowed(work: &Work, email: &Email) -> Result<(), Precondition> {
    if is_allowed(work, email) {
        Ok(())
    } else {
        Err(Precondition::DomainNotAllowed)
    }
}

/// Whether an e-mail address is in one of the allowed domains; in any where none is named.
fn domain_is_allowed(email: &Email, allowed: Option<&serde_json::Value>) -> bool {
    let Some(allowed) = allowed
        .and_then(serde_json::Value::as_array)
        .filter(|all| !all.is_empty())
    else {
        return true;
    };
    allowed
        .iter()
        .filter_map(serde_json::Value::as_str)
        .any(|one| one.eq_ignore_ascii_case(email.domain()))
}

/// The key of the last row of a page: newest first.
pub type After = (Timestamp, Uuid);

/// Reads invitations.
#[async_trait]
pub trait Reader: Send + Sync {
    /// An invitation.
    async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>, StoreError>;
    /// The newest invitation to an e-mail address on a scope, a pending one before all others.
    async fn newest_invitation(
        &self,
        key: &EmailKey,
        scope: &Scope,
    ) -> Result<Option<Invitation>, StoreError>;
    /// The roles that pending invitations name.
    async fn invited_roles(&self, now: Timestamp) -> Result<BTreeSet<String>, StoreError>;
    /// Invitations, newest first.
    async fn invitations(
        &self,
        key: Option<&EmailKey>,
        after: Option<After>,
        limit: u64,
    ) -> Result<Vec<Invitation>, StoreError>;
}

/// Writes invitations.
#[async_trait]
pub trait Writer: Send + Sync {
    /// Makes or replaces an invitation.
    async fn put_invitation(&mut self, invitation: &Invitation) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_address_must_be_in_an_allowed_domain_where_one_is_named() {
        let acme = json!(["acme.example"]);
        let email = |text: &str| text.parse::<Email>().unwrap();
        let other = email("who@other.example");
        assert!(domain_is_allowed(&email("who@ACME.example"), Some(&acme)));
        assert!(!domain_is_allowed(&other, Some(&acme)));
        assert!(!domain_is_allowed(&email("who@evil.acme.example"), Some(&acme)));
        assert!(domain_is_allowed(&other, Some(&json!([]))));
        assert!(domain_is_allowed(&other, None));
    }
}
