//! Decisions and their reasons in words.

use bailiwick_proto::authorization::v1::{Decision, DecisionReason};

/// A decision, spelled as in scenarios.
pub(crate) fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::NeedsApproval => "needs-approval",
        Decision::Deny | Decision::Unspecified => "deny",
    }
}

/// The name of a reason, without its prefix.
pub(crate) fn reason(reason: DecisionReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("DECISION_REASON_").unwrap_or(name)
}

/// A reason in a phrase.
pub(crate) fn because(reason: DecisionReason) -> &'static str {
    match reason {
        DecisionReason::Unspecified => "no reason given",
        DecisionReason::Role => "a role allows it",
        DecisionReason::Grant => "a grant allows it",
        DecisionReason::DefaultRole => "the default role allows it",
        DecisionReason::Approved => "it was approved",
        DecisionReason::ApprovalRequired => "it requires an approval",
        DecisionReason::NoEntry => "no role or grant of the subject contains it here",
        DecisionReason::ConditionNotMet => "the condition is not met",
        DecisionReason::ResourceUnknown => "the account has no such resource",
        DecisionReason::ScopeUnknown => "the account has no such scope",
        DecisionReason::NotAMember => "the subject is not a member of the account",
        DecisionReason::MemberSuspended => "the membership is suspended",
        DecisionReason::MembershipExpired => "the membership has expired",
        DecisionReason::SubjectDisabled => "the subject is disabled",
        DecisionReason::ScopeNotActive => "the scope is suspended, moving or deleted",
        DecisionReason::ActorNotAllowed => "the actor is not allowed to do it",
        DecisionReason::AccountRestricted => "the account is restricted, and this is none of what it keeps",
    }
}
