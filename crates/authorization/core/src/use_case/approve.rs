//! Approves, rejects or withdraws a request.

use std::time::Duration;

use bailiwick_policy::{Request, Values, decide};
use bailiwick_types::{AccountId, ApprovalId, Authorized, Scope, Token};

use super::{Work, request_approval::store};
use crate::{
    Aim, Ports,
    approval::{Approval, State},
};

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Approve,
    /// No.
    Reject,
    /// Who asked takes it back.
    Withdraw,
}

impl Verdict {
    fn action(self) -> &'static str {
        match self {
            Self::Approve => "bailiwick.authorization.v1.ApprovalService/ApproveRequest",
            Self::Reject => "bailiwick.authorization.v1.ApprovalService/RejectRequest",
            Self::Withdraw => "bailiwick.authorization.v1.ApprovalService/WithdrawRequest",
        }
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The request.
    pub approval: ApprovalId,
    /// What is decided.
    pub verdict: Verdict,
}

faults! {
    /// Why nothing is decided.
    Error;
    /// The caller may not approve this, or asked for it itself, or there is no such request.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// It is decided.
    AlreadyDecided "the request is decided already" => FailedPrecondition AlreadyDecided;
}

/// Decides.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Approval, Token), Error> {
    let mut work = Work::open(ports, by, command.account, [])
        .await?
        .ok_or(Error::Denied)?;
    let found = work.unit.approval(command.account, command.approval).await?;
    let mut found = found.ok_or(Error::Denied)?;
    let own = found.requester == work.actor.subject;
    let may = match command.verdict {
        Verdict::Withdraw => own,
        // Nobody approves what they asked for.
        Verdict::Approve | Verdict::Reject => !own && may_decide(&mut work, &found).await?,
    };
    if !may {
        return Err(Error::Denied);
    }
    if found.state != State::Pending {
        return Err(Error::AlreadyDecided);
    }
    found.state = match command.verdict {
        Verdict::Approve => State::Approved,
        Verdict::Reject => State::Rejected,
        Verdict::Withdraw => State::Withdrawn,
    };
    if command.verdict == Verdict::Approve {
        found.expires_at = found
            .lasts
            .map(|seconds| work.now.plus(Duration::from_secs(seconds)));
    }
    if command.verdict != Verdict::Withdraw {
        found.decider = Some(work.actor.subject.clone());
    }
    found.decided_at = Some(work.now);
    store(&mut work, command.verdict.action(), &found).await?;
    Ok((found, work.commit().await?))
}

/// The approver's right is looked at now, on the target of the request.
async fn may_decide(work: &mut Work, found: &Approval) -> Result<bool, Error> {
    let aim = Aim::load(
        &*work.unit,
        work.account(),
        &work.situation.policy,
        found.on.clone(),
    )
    .await?;
    let scopes: Vec<Scope> = aim.scope.iter().cloned().collect();
    work.look_at(&scopes).await?;
    let Some(permission) = work.situation.policy.product().permission_no(&found.by) else {
        return Ok(false);
    };
    let subject = work.actor.subject.clone();
    let standing = work.situation.whole_standing(&*work.unit, &subject).await?;
    let none = Values::default();
    let request = Request {
        attributes: &none,
        context: &none,
        digest: None,
    };
    let allowed = |scope_too: bool| {
        aim.target(|target| {
            let target = match (&aim.scope, scope_too) {
                (Some(scope), true) => bailiwick_policy::Target::Scope(scope.into()),
                _ => target,
            };
            work.situation
                .ask_about(&subject, &standing, target, request, work.now, |input| {
                    decide(input, permission).is_allow()
                })
        })
    };
    // A permission of another type than the target's is asked where the target lies.
    Ok(allowed(false) || (applies_elsewhere(work, found) && allowed(true)))
}

fn applies_elsewhere(work: &Work, found: &Approval) -> bool {
    let product = work.situation.policy.product();
    let crate::On::Resource(name) = &found.on else {
        return false;
    };
    let (Some(permission), Some(of)) = (product.permission_no(&found.by), product.type_no(&name.of)) else {
        return false;
    };
    !product.may_be_asked_on(permission, of)
}
