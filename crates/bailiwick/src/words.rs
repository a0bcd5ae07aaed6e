//! The words in which results are told.

use std::collections::BTreeMap;

use bailiwick_proto::authorization::v1::{Decision, DecisionReason};
use prost_types::{ListValue, Struct, Value, value::Kind};

/// A failed call as an error of the program.
pub(crate) fn fault(status: tonic::Status) -> anyhow::Error {
    bailiwick_client::Error::from(status).into()
}

/// A decision, as in scenarios.
pub(crate) fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow => "allow",
        Decision::NeedsApproval => "needs-approval",
        Decision::Deny | Decision::Unspecified => "deny",
    }
}

/// A reason's name without its prefix.
pub(crate) fn reason(reason: DecisionReason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("DECISION_REASON_").unwrap_or(name)
}

/// A reason for people.
pub(crate) fn because(reason: DecisionReason) -> &'static str {
    match reason {
        DecisionReason::Unspecified => "no reason given",
        DecisionReason::Role => "a role allows it",
        DecisionReason::Grant => "a grant allows it",
        DecisionReason::DefaultRole => "the default role allows it",
        DecisionReason::Approved => "it was approved",
        DecisionReason::ApprovalRequired => "somebody has to approve it",
        DecisionReason::NoEntry => "nothing the subject has here contains it",
        DecisionReason::ConditionNotMet => "the condition is not met",
        DecisionReason::ResourceUnknown => "the account has no such resource",
        DecisionReason::ScopeUnknown => "the account has no such place",
        DecisionReason::NotAMember => "not a member of the account",
        DecisionReason::MemberSuspended => "the membership is suspended",
        DecisionReason::MembershipExpired => "the membership has expired",
        DecisionReason::SubjectDisabled => "the subject is disabled",
        DecisionReason::ScopeNotActive => "the place is suspended, moving or deleted",
        DecisionReason::ActorNotAllowed => "the actor may not do it itself",
    }
}

/// A span of time for people, in the greatest unit that it is a whole number of.
pub(crate) fn seconds(seconds: i64) -> String {
    let (number, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// A JSON object as a protobuf struct.
pub(crate) fn to_struct(fields: serde_json::Map<String, serde_json::Value>) -> Struct {
    let fields: BTreeMap<_, _> = fields
        .into_iter()
        .map(|(name, value)| (name, to_value(value)))
        .collect();
    Struct { fields }
}

fn to_value(value: serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(b) => Kind::BoolValue(b),
        serde_json::Value::Number(n) => Kind::NumberValue(n.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(s) => Kind::StringValue(s),
        serde_json::Value::Array(items) => Kind::ListValue(ListValue {
            values: items.into_iter().map(to_value).collect(),
        }),
        serde_json::Value::Object(fields) => Kind::StructValue(to_struct(fields)),
    };
    Value { kind: Some(kind) }
}
