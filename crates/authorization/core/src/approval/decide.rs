//! Approves, rejects or withdraws a request.

use std::time::Duration;

use bailiwick_policy::{Target, decide};
use bailiwick_types::{AccountId, ApprovalId, Authorized, Scope, Subject, Timestamp, Token};

use crate::{
    Actor, Aim, On, Ports, Situation,
    approval::{Approval, State},
    person::behind,
};
use crate::{Work, approval::request::store};

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

bailiwick_types::faults! {
    /// Why nothing is decided.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The caller may not approve this, or it or one of its own asked for it, or there is no such request.
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
    let found = work.unit.approval(command.approval).await?;
    let mut found = found.ok_or(Error::Denied)?;
    let may = match command.verdict {
        Verdict::Withdraw => found.requester == work.actor.subject,
        Verdict::Approve | Verdict::Reject => {
            let (actor, aim) = look(&mut work, &found).await?;
            let requester = behind(&*work.unit, &found.requester).await?;
            let decider = behind(&*work.unit, &actor.subject).await?;
            let sides = (requester.as_ref(), decider.as_ref());
            may_decide(&work.situation, &actor, &aim, (&found, sides), work.now)
        }
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

/// Whether somebody could approve or reject a request now: nobody decides what they, or a key or service account of theirs,
/// asked for, so who stands behind the requester and who stands behind the decider are two, both known; and the approver's
/// right is looked at on the target of the request.
pub(crate) fn may_decide(
    situation: &Situation,
    actor: &Actor,
    aim: &Aim,
    (found, sides): (&Approval, (Option<&Subject>, Option<&Subject>)),
    now: Timestamp,
) -> bool {
    let (Some(requester), Some(decider)) = sides else {
        return false;
    };
    if requester == decider {
        return false;
    }
    let product = situation.policy.product();
    let (Some(standing), Some(permission)) = (&actor.standing, product.permission_no(&found.by)) else {
        return false;
    };
    let allowed = |target: Target<'_>| {
        let request = situation.plain_request();
        situation.ask_about(&actor.subject, standing, target, request, now, |input| {
            decide(input, permission).is_allow()
        })
    };
    // A permission of another type than the target's is asked where the target lies.
    let elsewhere = match &found.on {
        On::Scope(_) => false,
        On::Resource(name) => {
            let of = product.type_no(&name.of);
            of.is_some_and(|of| !product.may_be_asked_on(permission, of))
        }
    };
    match &aim.scope {
        Some(scope) if elsewhere => allowed(Target::Scope(scope.into())),
        _ => aim.target(allowed),
    }
}

async fn look(work: &mut Work, found: &Approval) -> Result<(Actor, Aim), Error> {
    let on = found.on.clone();
    let aim = Aim::load(&*work.unit, &work.situation.policy, on).await?;
    let scopes: Vec<Scope> = aim.scope.iter().cloned().collect();
    work.look_at(&scopes).await?;
    let subject = work.actor.subject.clone();
    let standing = work.situation.whole_standing(&*work.unit, &subject).await?;
    let actor = Actor {
        subject,
        standing: Some(standing),
    };
    Ok((actor, aim))
}
