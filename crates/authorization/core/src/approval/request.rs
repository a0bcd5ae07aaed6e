//! Asks for an approval of what one has only with one.

use bailiwick_policy::{Decision, Outcome, QuestionFault, Request, Values, decide, manifest::Serves};
use bailiwick_types::{AccountId, ApprovalId, Authorized, Scope, Subject, Token, Violations};
use serde_json::{Map, Value as Json};

use crate::Work;
use crate::{
    Aim, Change, On, Ports, StoreError,
    approval::{Approval, State},
};

const ACTION: &str = "bailiwick.authorization.v1.ApprovalService/RequestApproval";

/// What is asked.
#[derive(Debug, Clone)]
pub struct Command {
    /// The account.
    pub account: AccountId,
    /// The permission.
    pub permission: String,
    /// What it is about.
    pub on: On,
    /// The digest of the content; empty where none.
    pub digest: String,
    /// Attributes of the request.
    pub attributes: Map<String, Json>,
}

bailiwick_types::faults! {
    /// Why nothing is asked for.
    Error: Invalid(bailiwick_types::Violations), Store(bailiwick_types::StoreError);
    /// The permission is not one of the product, or is not asked on such a target.
    UnknownPermission(String) "there is no permission `{0}` on this" => InvalidArgument UnknownPermission;
    /// The caller has nothing that an approval could open.
    Denied "the caller may not do this here, or it does not exist" => PermissionDenied PermissionDenied;
    /// It is allowed already.
    AlreadyAllowed "this is allowed already" => FailedPrecondition AlreadyAllowed;
    /// The same is asked for already.
    AlreadyExists "the same is asked for already" => AlreadyExists AlreadyExists;
}

/// Asks.
///
/// # Errors
/// See [`Error`].
pub async fn execute(ports: &Ports, by: &Authorized, command: Command) -> Result<(Approval, Token), Error> {
    let mut work = Work::open(ports, by, command.account, [])
        .await?
        .ok_or(Error::Denied)?;
    let values = fit(&work, &command)?;
    let requester = work.actor.subject.clone();
    let (decision, _) = ask(&mut work, &requester, &command, &values).await?;
    match decision.outcome {
        Outcome::Allow => return Err(Error::AlreadyAllowed),
        Outcome::Deny => return Err(Error::Denied),
        Outcome::NeedsApproval => {}
    }
    let rule = decision
        .rule(&work.situation.policy)
        .ok_or(Error::Denied)?
        .clone();
    let by = work
        .situation
        .policy
        .product()
        .permission(rule.by)
        .map(|info| info.name.to_string());
    let by = by.ok_or(Error::Denied)?;
    let pending = work
        .unit
        .pending_approval(&requester, &command.permission, &command.on, &command.digest);
    if pending.await?.is_some() {
        return Err(Error::AlreadyExists);
    }
    let made = Approval {
        id: ApprovalId::generate(&*ports.ids),
        account: command.account,
        requester,
        permission: command.permission,
        on: command.on,
        digest: command.digest,
        by,
        once: rule.serves == Serves::Once,
        lasts: rule.expires.map(bailiwick_policy::manifest::Span::seconds),
        state: State::Pending,
        expires_at: None,
        created_at: work.now,
        decider: None,
        decided_at: None,
    };
    store(&mut work, ACTION, &made).await?;
    Ok((made, work.commit().await?))
}

pub(crate) async fn store(work: &mut Work, action: &'static str, made: &Approval) -> Result<(), StoreError> {
    work.unit.put_approval(made).await?;
    work.subject_changed(&made.requester);
    work.emit(Change::Approval(made.clone()));
    let audit = work.audit(action, made.on.to_string()).with("approval", made.id);
    work.emit(
        audit
            .with("requester", &made.requester)
            .with("permission", &made.permission),
    );
    Ok(())
}

/// Whether the question fits the manifest; reads the request's attributes.
pub(crate) fn fit(work: &Work, command: &Command) -> Result<Values, Error> {
    let product = work.situation.policy.product();
    let of = match &command.on {
        On::Scope(_) => None,
        On::Resource(name) => Some(name.of.as_str()),
    };
    let (permission, of) = product
        .question(&command.permission, of)
        .map_err(|fault| match fault {
            QuestionFault::UnknownType(_) => {
                Error::Invalid(Violations::of("target", "must be of a type of the product"))
            }
            _ => Error::UnknownPermission(command.permission.clone()),
        })?;
    product
        .request_attributes(permission, of, &command.attributes)
        .map_err(|wrong| {
            let mut faults = Violations::new();
            for fault in wrong {
                faults.add("attributes", fault.to_string());
            }
            Error::Invalid(faults)
        })
}

/// The decision about a subject, from everything that it has.
pub(crate) async fn ask(
    work: &mut Work,
    subject: &Subject,
    command: &Command,
    values: &Values,
) -> Result<(Decision, Aim), Error> {
    let aim = Aim::load(&*work.unit, &work.situation.policy, command.on.clone()).await?;
    let scopes: Vec<Scope> = aim.scope.iter().cloned().collect();
    work.look_at(&scopes).await?;
    let unknown = || Error::UnknownPermission(command.permission.clone());
    let permission = work
        .situation
        .policy
        .product()
        .permission_no(&command.permission)
        .ok_or_else(unknown)?;
    let standing = work.situation.whole_standing(&*work.unit, subject).await?;
    let digest = Some(command.digest.as_str()).filter(|digest| !digest.is_empty());
    let none = Values::default();
    let request = Request {
        attributes: values,
        context: &none,
        digest,
    };
    let decision = aim.target(|target| {
        work.situation
            .ask_about(subject, &standing, target, request, work.now, |input| {
                decide(input, permission)
            })
    });
    Ok((decision, aim))
}
