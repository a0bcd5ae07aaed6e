//! Sends a pending invitation again: its time begins anew.

use bailiwick_policy::PlaceState;
use bailiwick_types::{AccountId, Authorized, InvitationId, Token};

use crate::invitation::revoke::pending;
use crate::{
    Change, Ports,
    invitation::{self, Invitation, LIFETIME},
};

const ACTION: &str = "bailiwick.authorization.v1.InvitationService/ResendInvitation";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The invitation.
    pub invitation: InvitationId,
}

bailiwick_types::faults! {
    /// Why an invitation is not sent again.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller could not have made it, or there is none.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// Account or invitation are not known.
    NotFound(&'static str) "there is no such {0}" => NotFound NotFound;
    /// It is used, revoked or expired.
    NotPending "the invitation is used, revoked or expired" => FailedPrecondition InvitationNotPending;
    /// The scope is suspended or moving.
    NotActive "the scope is suspended or moving" => FailedPrecondition NotActive;
    /// The address is no longer in one of the allowed domains.
    DomainNotAllowed "the e-mail address is in none of the account's allowed domains" => FailedPrecondition DomainNotAllowed;
}

impl From<crate::invitation::revoke::Error> for Error {
    fn from(error: crate::invitation::revoke::Error) -> Self {
        match error {
            crate::invitation::revoke::Error::Denied => Self::Denied,
            crate::invitation::revoke::Error::NotFound(what) => Self::NotFound(what),
            crate::invitation::revoke::Error::NotPending => Self::NotPending,
            crate::invitation::revoke::Error::Invalid(error) => Self::Invalid(error),
            crate::invitation::revoke::Error::Store(error) => Self::Store(error),
        }
    }
}

/// Sends it again; whoever could make it now may. Who follows the feed mails it at every new version.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Invitation, Token), Error> {
    let (mut work, mut found) = pending(ports, by, command.account, command.invitation).await?;
    match work.situation.state(&found.scope) {
        Some(PlaceState::Active) => {}
        Some(_) => return Err(Error::NotActive),
        None => return Err(Error::NotFound("scope")),
    }
    if !invitation::domain_is_allowed(&found.email, work.situation.policy.setting("allowed_domains")) {
        return Err(Error::DomainNotAllowed);
    }
    found.expires_at = work.now.plus(LIFETIME);
    found.version += 1;
    work.unit.put_invitation(&found).await?;
    work.emit(Change::Invitation(found.clone()));
    let audit = work
        .audit(ACTION, found.scope.to_string())
        .with("invitation", found.id);
    work.emit(audit);
    Ok((found, work.commit().await?))
}
