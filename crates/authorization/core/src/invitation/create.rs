//! Invites somebody by e-mail with roles on a scope.

use bailiwick_policy::{
    PlaceState,
    manifest::{Holders, MemberKind},
};
use bailiwick_types::{AccountId, Authorized, InvitationId, Scope, Token};

use crate::{
    Change, Ports, StoreError, email_key,
    invitation::{self, Invitation, LIFETIME, State},
    request::Answered,
};
use crate::{Work, member::create::full};

const ACTION: &str = "bailiwick.authorization.v1.InvitationService/CreateInvitation";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The e-mail address.
    pub email: String,
    /// The names of the roles, at least one.
    pub roles: Vec<String>,
    /// Where they are given.
    pub scope: Scope,
    /// The client's own id of this request.
    pub request_id: Option<String>,
}

bailiwick_types::faults! {
    /// Why nobody is invited.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// A role is not one that can be bound there.
    UnknownRole(String) "there is no role `{0}` that can be bound at this level" => InvalidArgument UnknownRole;
    /// The caller has no `user.invite` there, or could not give a role.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or scope are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// The scope is suspended or moving.
    NotActive "the scope is suspended or moving" => FailedPrecondition NotActive;
    /// A role has a single holder.
    OwnershipIsTransferred(String) "role `{0}` is not assigned but transferred" => FailedPrecondition OwnershipIsTransferred;
    /// The address is in none of the allowed domains.
    DomainNotAllowed "the e-mail address is in none of the account's allowed domains" => FailedPrecondition DomainNotAllowed;
    /// One is pending already.
    AlreadyExists "an invitation to this e-mail address is pending there" => AlreadyExists AlreadyExists;
    /// The request id was used for something else.
    RequestIdReused "the request id was used for another request" => AlreadyExists RequestIdReused;
    /// All seats are taken.
    NoFreeSeat(u64) "all {0} seats are taken" => ResourceExhausted NoFreeSeat;
}

/// Invites.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Invitation, Token), Error> {
    let work = Work::open(ports, by, command.account, [&command.scope]).await?;
    let Some(mut work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    may_invite(&work, &command.roles, &command.scope)?;
    if let Some(answer) = repeated(&work, &command).await? {
        return Ok((answer, work.commit().await?));
    }
    fits(&work, &command.roles, &command.scope)?;
    if !invitation::domain_is_allowed(&command.email, work.situation.policy.setting("allowed_domains")) {
        return Err(Error::DomainNotAllowed);
    }
    if is_pending(&mut work, &command.email, &command.scope).await? {
        return Err(Error::AlreadyExists);
    }
    if let Some(limit) = full(&work, MemberKind::Agent).await? {
        return Err(Error::NoFreeSeat(limit));
    }
    let made = make(
        ports,
        &mut work,
        ACTION,
        (&command.email, &command.roles, &command.scope),
    )
    .await?;
    keep(&mut work, &command, &made).await?;
    Ok((made, work.commit().await?))
}

/// Whether the caller could give each of the roles, which have to be ones that can be bound there.
pub(crate) fn may_invite(work: &Work, roles: &[String], scope: &Scope) -> Result<(), Error> {
    let level = scope.level();
    let mut known = Vec::new();
    for name in roles {
        known.push(
            work.situation
                .role_at(name, level)
                .ok_or_else(|| Error::UnknownRole(name.clone()))?,
        );
    }
    let invites = work.situation.allows(&work.actor, "user.invite", scope, work.now);
    let gives = |no| work.situation.may_assign(&work.actor, no, scope, work.now);
    if invites && known.iter().all(|role| gives(role.no)) {
        Ok(())
    } else {
        Err(Error::Denied)
    }
}

/// Whether anybody can be invited there with these roles.
pub(crate) fn fits(work: &Work, roles: &[String], scope: &Scope) -> Result<(), Error> {
    match work.situation.state(scope) {
        Some(PlaceState::Active) => {}
        Some(_) => return Err(Error::NotActive),
        None => return Err(Error::NotFound("scope")),
    }
    let single = |role: &&String| {
        let role = work.situation.role_at(role, scope.level());
        role.is_some_and(|role| matches!(role.holders, Some(Holders::Exactly(_))))
    };
    match roles.iter().find(single) {
        Some(role) => Err(Error::OwnershipIsTransferred(role.clone())),
        None => Ok(()),
    }
}

/// Whether an invitation to the address is pending there; one that has run out is ended.
pub(crate) async fn is_pending(work: &mut Work, email: &str, scope: &Scope) -> Result<bool, StoreError> {
    let key = email_key(email);
    let Some(mut old) = work.unit.newest_invitation(&key, scope).await? else {
        return Ok(false);
    };
    match (old.state, old.state_at(work.now)) {
        (_, State::Pending) => return Ok(true),
        (State::Pending, _) => {
            old.end(State::Expired);
            work.unit.put_invitation(&old).await?;
            work.emit(Change::Invitation(old));
        }
        _ => {}
    }
    Ok(false)
}

/// Makes an invitation.
pub(crate) async fn make(
    ports: &Ports,
    work: &mut Work,
    action: &'static str,
    (email, roles, scope): (&str, &[String], &Scope),
) -> Result<Invitation, StoreError> {
    let made = Invitation {
        id: InvitationId::generate(&*ports.ids),
        account: work.account(),
        email: email.trim().to_owned(),
        roles: roles.to_vec(),
        scope: scope.clone(),
        state: State::Pending,
        expires_at: work.now.plus(LIFETIME),
        created_at: work.now,
        creator: work.actor.subject.clone(),
        version: 1,
    };
    work.unit.put_invitation(&made).await?;
    work.emit(Change::Invitation(made.clone()));
    let audit = work
        .audit(action, made.scope.to_string())
        .with("invitation", made.id);
    work.emit(audit.with("roles", made.roles.join(",")));
    Ok(made)
}

fn digest(command: &Command) -> String {
    format!(
        "{}\n{}\n{}",
        email_key(&command.email),
        command.roles.join(","),
        command.scope
    )
}

async fn repeated(work: &Work, command: &Command) -> Result<Option<Invitation>, Error> {
    let Some(id) = &command.request_id else {
        return Ok(None);
    };
    let Some(before) = work.unit.answered(&work.root(), id).await? else {
        return Ok(None);
    };
    if before.method != ACTION || before.digest != digest(command) {
        return Err(Error::RequestIdReused);
    }
    let Ok(made) = before.response.parse() else {
        return Err(Error::RequestIdReused);
    };
    Ok(work.unit.invitation(made).await?)
}

async fn keep(work: &mut Work, command: &Command, made: &Invitation) -> Result<(), StoreError> {
    let Some(id) = &command.request_id else {
        return Ok(());
    };
    let answer = Answered {
        method: ACTION.to_owned(),
        digest: digest(command),
        response: made.id.to_string(),
    };
    let (root, now) = (work.root(), work.now);
    work.unit.keep_answer(&root, id, &answer, now).await
}
