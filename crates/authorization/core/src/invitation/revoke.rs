//! Takes a pending invitation back.

use bailiwick_types::{AccountId, Authorized, InvitationId, Scope, Token};

use crate::Work;
use crate::{
    Change, Ports,
    invitation::{Invitation, State},
};

const ACTION: &str = "bailiwick.authorization.v1.InvitationService/RevokeInvitation";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The invitation.
    pub invitation: InvitationId,
}

bailiwick_types::faults! {
    /// Why an invitation is not taken back.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller could not have made it, or there is none.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or invitation are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// It is used, revoked or expired.
    NotPending "the invitation is used, revoked or expired" => FailedPrecondition InvitationNotPending;
}

/// Takes it back; whoever could make it now may.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Invitation, Token), Error> {
    let (mut work, mut found) = pending(ports, by, command.account, command.invitation).await?;
    found.end(State::Revoked);
    work.unit.put_invitation(&found).await?;
    work.emit(Change::Invitation(found.clone()));
    let audit = work
        .audit(ACTION, found.scope.to_string())
        .with("invitation", found.id);
    work.emit(audit);
    Ok((found, work.commit().await?))
}

/// A pending invitation that the caller could make now.
pub(crate) async fn pending(
    ports: &Ports,
    by: &Authorized,
    account: AccountId,
    invitation: InvitationId,
) -> Result<(Work, Invitation), Error> {
    let work = Work::open(ports, by, account, []).await?;
    let Some(mut work) = work else {
        return Err(if by.is_operator() {
            Error::NotFound("account")
        } else {
            Error::Denied
        });
    };
    let Some(found) = work.unit.invitation(invitation).await? else {
        let whole = Scope::Account(account);
        let may = work
            .situation
            .allows(&work.actor, "user.invite", &whole, work.now);
        return Err(if may {
            Error::NotFound("invitation")
        } else {
            Error::Denied
        });
    };
    work.look_at([&found.scope]).await?;
    let gives = |name: &String| {
        let role = work.situation.role_at(name, found.scope.level());
        role.is_none_or(|role| {
            work.situation
                .may_assign(&work.actor, role.no, &found.scope, work.now)
        })
    };
    let invites = work
        .situation
        .allows(&work.actor, "user.invite", &found.scope, work.now);
    if !(invites && found.roles.iter().all(gives)) {
        return Err(Error::Denied);
    }
    if found.state_at(work.now) != State::Pending {
        return Err(Error::NotPending);
    }
    Ok((work, found))
}
