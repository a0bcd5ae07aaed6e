//! What the services that ask the replica have in common: consistency, faults, the right to ask.

use bailiwick_authorization_engine::{
    AccountRead, Answer, Consistency, QuestionError, Replica, ReplicaError,
};
use bailiwick_policy::{Outcome, Reason};
use bailiwick_proto::{
    authorization::v1 as pb,
    common::v1::{self as common, consistency::Requirement},
};
use bailiwick_rpc::{Call, Context, Fields, Guard, Target, token};
use bailiwick_types::{AccountId, Code, Fault, FieldViolation, Method, Reason as Why, Refused};
use serde_json::{Map, Value as Json};
use tonic::Status;

use super::{attributes::map_of, status};
use crate::variants::same_variants;

/// A question about an account that may be answered.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) read: AccountRead,
    /// Whether the caller's right is established as of the answer.
    permitted: bool,
}

/// The account that is asked about, with the consistency of the request, once the caller is known. `guard`
/// asks the replica.
pub(super) async fn read<M: Method, R>(
    replica: &Replica,
    guard: &Guard,
    call: &Call<M, R>,
    account: AccountId,
    given: Option<&common::Consistency>,
) -> Result<Asking, Status> {
    let consistency = consistency(&call.context, given)?;
    permitted(replica, guard, call, account, consistency).await
}

/// Waits until the caller itself is as fresh as the request's token asks for: a caller that was just created
/// has rights only from then on. Refuses a caller that has nothing in the account before anything of it is
/// read.
pub(super) async fn known_caller(
    replica: &Replica,
    guard: &Guard,
    context: &Context,
    account: AccountId,
    consistency: Consistency,
) -> Result<AccountRead, Status> {
    let read = AccountRead {
        account,
        consistency,
        deadline: context.deadline,
    };
    if let Some(caller) = context.caller.subject() {
        replica.caller_arrived(&read, caller).await.map_err(status)?;
        if guard.is_stranger(context, account).await? {
            return Err(status(Refused::Denied));
        }
        if read.consistency != Consistency::Fully {
            replica.arrive(&read, &[caller]).await.map_err(status)?;
        }
    }
    Ok(read)
}

/// The same for a question of somebody with the method's right on the account ([`with_right`]).
///
/// A caller whose token is not for the account is refused before any work, from what is known without the
/// account: how long the refusal takes does not tell whether the account exists, nor how large it is.
pub(super) async fn permitted<M: Method, R>(
    replica: &Replica,
    guard: &Guard,
    call: &Call<M, R>,
    account: AccountId,
    consistency: Consistency,
) -> Result<Asking, Status> {
    let context = &call.context;
    let read = AccountRead {
        account,
        consistency,
        deadline: context.deadline,
    };
    let own = context.caller.account() == Some(account);
    let waits = !own && read.consistency == Consistency::Fully
        || matches!(
            read.consistency,
            Consistency::AtLeast(_) | Consistency::FullyAfter(_)
        );
    let mut permitted = false;
    if !own {
        match guard.authorize(call, &Target::account(account)).await {
            Ok(_) => permitted = !waits,
            Err(refused) if is_refusal(&refused) => {
                let Some(caller) = context.caller.subject().filter(|_| waits) else {
                    return Err(refused);
                };
                replica.caller_arrived(&read, caller).await.map_err(status)?;
                if guard.is_stranger(context, account).await? {
                    return Err(refused);
                }
            }
            // The answer says what is missing.
            Err(_) => {}
        }
    }
    if let Some(caller) = context.caller.subject().filter(|_| waits) {
        replica.arrive(&read, &[caller]).await.map_err(status)?;
        if !own
            && let Err(refused) = guard.authorize(call, &Target::account(account)).await
            && is_refusal(&refused)
        {
            return Err(refused);
        }
    }
    Ok(Asking { read, permitted })
}

/// Whether a status says no, and not that the right is unknown.
fn is_refusal(status: &Status) -> bool {
    matches!(
        status.code(),
        tonic::Code::PermissionDenied | tonic::Code::Unauthenticated
    )
}

/// How fresh the answer must be: what the message says, and the token of the request's header.
pub(super) fn consistency(
    context: &Context,
    given: Option<&common::Consistency>,
) -> Result<Consistency, Status> {
    let requirement = given.and_then(|given| given.requirement.as_ref());
    let mut wanted = match requirement {
        Some(Requirement::FullyConsistent(true)) => return Ok(primary(context)),
        Some(Requirement::AtLeastAsFresh(text)) => token::decode(text).map_err(status)?,
        _ if context.token.is_empty() => return Ok(Consistency::MinimizeLatency),
        _ => Default::default(),
    };
    wanted.merge(&context.token);
    Ok(if wanted.is_empty() {
        Consistency::MinimizeLatency
    } else if wanted.fully_consistent {
        Consistency::FullyAfter(wanted)
    } else {
        Consistency::AtLeast(wanted)
    })
}

/// A question does not fit the manifest.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Unfit {
    error: QuestionError,
    message: String,
    violations: Vec<FieldViolation>,
}

/// The prefix of the fields of the only question of a request.
pub(super) fn alone(_: usize) -> String {
    String::new()
}

impl Unfit {
    /// The names of fields begin with the prefix of their question.
    pub(super) fn new(error: QuestionError, prefix: impl Fn(usize) -> String) -> Self {
        let field = |n: usize, name: &str| prefix(n) + name;
        let violations = match &error {
            QuestionError::UnknownPermission(n, _, hint) => vec![FieldViolation {
                field: field(*n, "permission"),
                rule: format!("must be a permission of the product{hint}"),
            }],
            QuestionError::Type(rule) => vec![FieldViolation {
                field: field(0, "type"),
                rule: rule.clone(),
            }],
            QuestionError::Attributes(n, faults) => faults
                .iter()
                .map(|fault| FieldViolation {
                    field: field(*n, "attributes"),
                    rule: fault.to_string(),
                })
                .collect(),
        };
        let message = match &error {
            QuestionError::UnknownPermission(n, ..) if !prefix(*n).is_empty() => {
                format!("`{}`: {error}", field(*n, "permission"))
            }
            QuestionError::Attributes(..) => {
                let told = violations.iter().map(|v| format!("`{}`: {}", v.field, v.rule));
                told.collect::<Vec<_>>().join("; ")
            }
            _ => error.to_string(),
        };
        Self {
            error,
            message,
            violations,
        }
    }
}

impl Fault for Unfit {
    fn code(&self) -> Code {
        Code::InvalidArgument
    }
    fn reason(&self) -> Why {
        match self.error {
            QuestionError::UnknownPermission(..) => Why::UnknownPermission,
            QuestionError::Type(_) | QuestionError::Attributes(..) => Why::InvalidField,
        }
    }
    fn violations(&self) -> &[FieldViolation] {
        &self.violations
    }
}

/// As the primary is, once it has what the request's token says of the other services.
pub(super) fn primary(context: &Context) -> Consistency {
    if context.token.is_empty() {
        Consistency::Fully
    } else {
        Consistency::FullyAfter(context.token.clone())
    }
}

/// Looks at the names of a permission and a type.
pub(super) fn names(fields: &mut Fields, permission: &str, of: &str) {
    self::permission(fields, "permission", permission);
    if of.is_empty() || of.len() > 63 {
        fields.violate("type", "must be a type of the product");
    }
}

/// Looks at the name of a permission.
pub(super) fn permission(fields: &mut Fields, field: &str, name: &str) {
    if name.is_empty() || name.len() > 128 {
        fields.violate(field, "must be `TYPE.VERB`");
    }
}

/// Reads the attributes of a request; none where there is nothing in them.
pub(super) fn attributes(
    fields: &mut Fields,
    field: &str,
    given: Option<&prost_types::Struct>,
) -> Option<Map<String, Json>> {
    let given = given.filter(|given| !given.fields.is_empty())?;
    let map = map_of(given);
    if map.is_none() {
        fields.violate(field, "must not nest deeper than 8 levels");
    }
    map
}

/// The answer, for a caller that has the right to ask. For a caller of the account it is made before the
/// right is checked, because making it brings the replica to the freshness that the request asks for. Only
/// a caller of the account learns without the right that a question does not fit the manifest: to others
/// that would reveal that the account exists.
pub(super) async fn with_right<M: Method, R, T>(
    guard: &Guard,
    call: &Call<M, R>,
    asking: &Asking,
    made: Result<Result<T, QuestionError>, ReplicaError>,
    prefix: impl Fn(usize) -> String,
) -> Result<T, Status> {
    let account = asking.read.account;
    let own = call.context.caller.account() == Some(account);
    if own && let Ok(Err(error)) = made {
        return Err(status(Unfit::new(error, prefix)));
    }
    if let Err(error @ (ReplicaError::TooStale | ReplicaError::NotYetVisible)) = made {
        // Without data no right can be checked either.
        return Err(status(error));
    }
    if !asking.permitted {
        guard.authorize(call, &Target::account(account)).await?;
    }
    match made {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(status(Unfit::new(error, prefix))),
        Err(error) => Err(status(error)),
    }
}

same_variants! {
    pub(super) fn decision(Outcome => pb::Decision) { Allow, Deny, NeedsApproval }
}

/// The reason as the API says it.
pub(super) fn reason(answer: &Answer) -> pb::DecisionReason {
    use pb::DecisionReason as R;
    if answer.actor {
        return R::ActorNotAllowed;
    }
    match answer.reason {
        Reason::Role => R::Role,
        Reason::DefaultRole => R::DefaultRole,
        Reason::Grant => R::Grant,
        Reason::Approved => R::Approved,
        Reason::ApprovalRequired => R::ApprovalRequired,
        Reason::NoEntry | Reason::Expired | Reason::NotApplicable | Reason::PermissionUnknown => R::NoEntry,
        Reason::ConditionFalse | Reason::ConditionUndecided => R::ConditionNotMet,
        Reason::ResourceUnknown if answer.on_scope => R::ScopeUnknown,
        Reason::ResourceUnknown => R::ResourceUnknown,
        Reason::ScopeUnknown => R::ScopeUnknown,
        Reason::SubjectDisabled => R::SubjectDisabled,
        Reason::NotAMember => R::NotAMember,
        Reason::MemberSuspended => R::MemberSuspended,
        Reason::MembershipExpired => R::MembershipExpired,
        Reason::AccountRestricted => R::AccountRestricted,
        Reason::AccountSuspended | Reason::ScopeSuspended | Reason::ScopeMoving | Reason::ScopeDeleted => {
            R::ScopeNotActive
        }
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_policy::ValueFault;

    use super::*;

    fn item(n: usize) -> String {
        format!("items[{n}].")
    }

    #[test]
    fn an_unknown_permission_of_a_batch_names_its_item() {
        let error = || QuestionError::UnknownPermission(1, "doc.nope".into(), String::new());
        let refused = status(Unfit::new(error(), item));
        let expected = "`items[1].permission`: permission `doc.nope` is not declared by the product";
        assert_eq!(refused.message(), expected);
        let refused = status(Unfit::new(error(), alone));
        assert_eq!(
            refused.message(),
            "permission `doc.nope` is not declared by the product"
        );
    }

    #[test]
    fn attributes_of_another_type_are_named_with_their_item() {
        let faults = vec![ValueFault::TooLong("note".into())];
        let refused = status(Unfit::new(QuestionError::Attributes(2, faults), item));
        assert_eq!(refused.message(), "`items[2].attributes`: `note` is too long");
    }
}
