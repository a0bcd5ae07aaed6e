//! Uses an approval up: the gate before the act.

use bailiwick_policy::{Outcome, Reason};
use bailiwick_types::{AccountId, Authorized, Subject, Token};
use serde_json::Map;

use crate::{
    On, Ports,
    approval::{Approval, State},
};
use crate::{
    Work,
    approval::request::{ask, fit, store},
};

const ACTION: &str = "bailiwick.authorization.v1.ApprovalService/ConsumeApproval";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// For whom.
    pub subject: Subject,
    /// The permission.
    pub permission: String,
    /// What it is about.
    pub on: On,
    /// The digest of the content; empty where none.
    pub digest: String,
}

bailiwick_types::faults! {
    /// Why nothing is used up.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The permission is not one of the product, or is not asked on such a target.
    UnknownPermission(String) "there is no permission `{0}` on this" => InvalidArgument UnknownPermission;
    /// The subject may not do this, approved or not.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// No approval is there to use.
    NoApproval "no approval is there to use" => FailedPrecondition NoApproval;
}

impl From<crate::approval::request::Error> for Error {
    fn from(error: crate::approval::request::Error) -> Self {
        match error {
            crate::approval::request::Error::UnknownPermission(name) => Self::UnknownPermission(name),
            crate::approval::request::Error::Invalid(faults) => Self::Invalid(faults),
            crate::approval::request::Error::Store(error) => Self::Store(error),
            _ => Self::Denied,
        }
    }
}

/// Uses it up. The requester's own entry is looked at again: an approval never outlives the role. Where approvals of the
/// rule stay, or none is needed, nothing is used.
///
/// # Errors
/// See [`Error`].
pub async fn execute(
    ports: &Ports,
    by: &Authorized,
    command: Command,
) -> Result<(Option<Approval>, Token), Error> {
    let mut work = Work::open(ports, by, command.account, [])
        .await?
        .ok_or(Error::Denied)?;
    let question = crate::approval::request::Command {
        account: command.account,
        permission: command.permission,
        on: command.on,
        digest: command.digest,
        attributes: Map::new(),
    };
    let values = fit(&work, &question)?;
    let (decision, _) = ask(&mut work, &command.subject, &question, &values).await?;
    match (decision.outcome, decision.reason) {
        (Outcome::Deny, _) => return Err(Error::Denied),
        (Outcome::NeedsApproval, _) => return Err(Error::NoApproval),
        (Outcome::Allow, Reason::Approved) => {}
        (Outcome::Allow, _) => return Ok((None, work.commit().await?)),
    }
    let id = decision.approval.ok_or(Error::NoApproval)?;
    let mut found = work.unit.approval(id).await?.ok_or(Error::NoApproval)?;
    if !found.once {
        return Ok((None, work.commit().await?));
    }
    found.state = State::Consumed;
    store(&mut work, ACTION, &found).await?;
    Ok((Some(found), work.commit().await?))
}
