//! Accepts an invitation to the caller's verified e-mail address.

use bailiwick_policy::{
    MemberState, PlaceState,
    manifest::{Holders, MemberKind},
};
use bailiwick_types::{
    AccountId, Authorized, BindingId, InvitationId, Scope, ScopeRoot, Subject, Token, UserId,
};
use serde_json::Map;

use crate::{
    Actor, Change, Ports,
    binding::Binding,
    email_key,
    invitation::{self, Invitation, State},
    member::Member,
    person::PersonState,
};
use crate::{Work, member::create::full};

const ACTION: &str = "bailiwick.authorization.v1.InvitationService/AcceptInvitation";

/// Which invitation is accepted.
#[derive(Debug, Clone)]
pub enum Which {
    /// The one with this id.
    Id(InvitationId),
    /// The one to the caller's address on this scope.
    On(Scope),
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// Which invitation.
    pub which: Which,
    /// The address that it was sent to, where the caller says.
    pub email: Option<String>,
}

bailiwick_types::faults! {
    /// Why an invitation is not accepted.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller is no user, or the invitation names another address, or there is none.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// It is used, revoked or expired, or whoever made it may no longer give what it says.
    NotPending(&'static str) "{0}" => FailedPrecondition InvitationNotPending;
    /// The scope is gone, suspended or moving.
    NotActive "the scope is not active" => FailedPrecondition NotActive;
    /// The caller's membership is suspended or over.
    NotAMember "the membership is suspended or over" => FailedPrecondition NotAMember;
    /// The address is in none of the allowed domains any more.
    DomainNotAllowed "the e-mail address is in none of the account's allowed domains" => FailedPrecondition DomainNotAllowed;
    /// All seats are taken.
    NoFreeSeat(u64) "all {0} seats are taken" => ResourceExhausted NoFreeSeat;
}

/// Accepts: membership and bindings come in one transaction.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Invitation, Token), Error> {
    let user = by
        .caller()
        .subject()
        .and_then(Subject::user_id)
        .ok_or(Error::Denied)?;
    let mut work = Work::open(ports, by, command.account, [])
        .await?
        .ok_or(Error::Denied)?;
    let person = work.unit.person(user).await?.ok_or(Error::Denied)?;
    if person.state != PersonState::Active || !person.email_verified {
        return Err(Error::Denied);
    }
    let key = email_key(&person.email);
    if command.email.is_some_and(|email| email_key(&email) != key) {
        return Err(Error::Denied);
    }
    let found = match &command.which {
        Which::Id(id) => work.unit.invitation(*id).await?,
        Which::On(scope) => work.unit.newest_invitation(&key, scope).await?,
    };
    let mut found = found
        .filter(|found| email_key(&found.email) == key)
        .ok_or(Error::Denied)?;
    if found.state_at(work.now) != State::Pending {
        return Err(Error::NotPending("the invitation is used, revoked or expired"));
    }
    work.look_at([&found.scope]).await?;
    if work.situation.state(&found.scope) != Some(PlaceState::Active) {
        return Err(Error::NotActive);
    }
    if !maker_still_may(&work, &found).await? {
        return Err(Error::NotPending(
            "whoever made the invitation may no longer give what it says",
        ));
    }
    if !invitation::domain_is_allowed(&found.email, work.situation.policy.setting("allowed_domains")) {
        return Err(Error::DomainNotAllowed);
    }
    join(&mut work, user).await?;
    bind(ports, &mut work, &found, user).await?;
    found.end(State::Accepted);
    work.unit.put_invitation(&found).await?;
    work.subject_changed(&Subject::user(user));
    work.emit(Change::Invitation(found.clone()));
    let audit = work
        .audit(ACTION, found.scope.to_string())
        .with("invitation", found.id);
    work.emit(audit.with("roles", found.roles.join(",")));
    Ok((found, work.commit().await?))
}

/// The maker's rights are looked at again: what it lost since, nobody gets through its invitation.
async fn maker_still_may(work: &Work, found: &Invitation) -> Result<bool, Error> {
    let operator = work
        .unit
        .has_root_binding(&ScopeRoot::Deployment, &found.creator, "operator")
        .await?;
    let standing = if operator {
        None
    } else {
        Some(work.situation.standing(&*work.unit, &found.creator).await?)
    };
    let maker = Actor {
        subject: found.creator.clone(),
        standing,
    };
    let gives = |name: &String| {
        let role = work.situation.role_at(name, found.scope.level());
        role.is_some_and(|role| {
            !matches!(role.holders, Some(Holders::Exactly(_)))
                && work.situation.may_assign(&maker, role.no, &found.scope, work.now)
        })
    };
    Ok(work
        .situation
        .allows(&maker, "user.invite", &found.scope, work.now)
        && found.roles.iter().all(gives))
}

async fn join(work: &mut Work, user: UserId) -> Result<(), Error> {
    let account = work.account();
    if let Some(member) = work.unit.member(user).await? {
        let counts = member.state == MemberState::Active && member.is_active(work.now);
        return if counts { Ok(()) } else { Err(Error::NotAMember) };
    }
    if let Some(limit) = full(work, MemberKind::Agent).await? {
        return Err(Error::NoFreeSeat(limit));
    }
    let member = Member::new(account, user, MemberKind::Agent, work.now);
    work.unit.put_member(&member).await?;
    Ok(())
}

async fn bind(ports: &Ports, work: &mut Work, found: &Invitation, user: UserId) -> Result<(), Error> {
    let subject = Subject::user(user);
    for role in &found.roles {
        if work.unit.binding(&subject, role, &found.scope).await?.is_some() {
            continue;
        }
        let binding = Binding {
            id: BindingId::generate(&*ports.ids),
            account: found.account,
            subject: subject.clone(),
            role: role.clone(),
            scope: found.scope.clone(),
            parameters: Map::new(),
            expires_at: None,
            created_at: work.now,
            creator: Some(found.creator.clone()),
        };
        work.unit.put_binding(&binding).await?;
    }
    Ok(())
}
