//! What was looked at for a decision, as a tree for people and as JSON for programs.

use bailiwick_proto::authorization::v1::{
    ExplainResponse, ExplainedApproval, ExplainedCondition, ExplainedMember, Explanation, ExplanationEffect,
    ExplanationSource, ExplanationStep,
};
use serde::Serialize;

use super::tree::{self, Node};
use crate::words;

/// An explanation as JSON.
#[derive(Serialize)]
pub(crate) struct Told {
    scopes: Vec<ToldScope>,
    subject: ToldSubject,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<ToldSubject>,
}

#[derive(Serialize)]
struct ToldScope {
    scope: String,
    state: String,
}

#[derive(Serialize)]
struct ToldSubject {
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<ToldMember>,
    steps: Vec<ToldStep>,
    #[serde(skip_serializing_if = "is_zero")]
    omitted_steps: u32,
}

#[derive(Serialize)]
struct ToldMember {
    kind: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_time: Option<String>,
}

#[derive(Serialize)]
struct ToldStep {
    source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    role: String,
    on: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    of_type: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    entry: String,
    effect: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<ToldCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<ToldApproval>,
}

#[derive(Serialize)]
struct ToldCondition {
    expression: String,
    values: Vec<ToldValue>,
}

#[derive(Serialize)]
struct ToldValue {
    name: String,
    /// `null` where it is missing.
    value: Option<String>,
}

#[derive(Serialize)]
struct ToldApproval {
    by: String,
    once: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    lasts_seconds: Option<i64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pending_request: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The name of a value without its prefix, in lower case.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

impl From<&ExplainResponse> for Told {
    fn from(answer: &ExplainResponse) -> Self {
        let scopes = answer.scopes.iter().map(|of| ToldScope {
            scope: of.scope.clone(),
            state: word(of.state().as_str_name(), "SCOPE_STATE_"),
        });
        Self {
            scopes: scopes.collect(),
            subject: answer
                .subject
                .as_ref()
                .map(ToldSubject::from)
                .unwrap_or_else(|| ToldSubject::from(&Explanation::default())),
            actor: answer.actor.as_ref().map(ToldSubject::from),
        }
    }
}

impl From<&Explanation> for ToldSubject {
    fn from(of: &Explanation) -> Self {
        Self {
            subject: of.subject.clone(),
            member: of.member.as_ref().map(ToldMember::from),
            steps: of.steps.iter().map(ToldStep::from).collect(),
            omitted_steps: of.omitted_steps,
        }
    }
}

impl From<&ExplainedMember> for ToldMember {
    fn from(of: &ExplainedMember) -> Self {
        Self {
            kind: word(of.kind().as_str_name(), "MEMBER_KIND_"),
            state: word(of.state().as_str_name(), "MEMBER_STATE_"),
            expire_time: of.expire_time.map(|at| at.to_string()),
        }
    }
}

impl From<&ExplanationStep> for ToldStep {
    fn from(step: &ExplanationStep) -> Self {
        Self {
            source: word(step.source().as_str_name(), "EXPLANATION_SOURCE_"),
            role: step.role.clone(),
            on: step.on.clone(),
            of_type: step.r#type.clone(),
            group: step.group.clone(),
            entry: step.entry.clone(),
            effect: word(step.effect().as_str_name(), "EXPLANATION_EFFECT_"),
            condition: step.condition.as_ref().map(|of| ToldCondition {
                expression: of.expression.clone(),
                values: of
                    .values
                    .iter()
                    .map(|value| ToldValue {
                        name: value.name.clone(),
                        value: value.value.clone(),
                    })
                    .collect(),
            }),
            approval: step.approval.as_ref().map(|of| ToldApproval {
                by: of.by.clone(),
                once: of.once,
                lasts_seconds: of.lasts.map(|lasts| lasts.seconds),
                pending_request: of.pending_request.clone(),
            }),
        }
    }
}

/// The explanation as a tree: first where and who, then what gives the permission or would, the nearest to allowing first;
/// below each what it names, and below that what came of it. Lines longer than `width` go on below their beginning.
pub(crate) fn tree(answer: &ExplainResponse, width: Option<usize>) -> String {
    let scope = |of: &bailiwick_proto::authorization::v1::ExplainedScope| {
        let state = word(of.state().as_str_name(), "SCOPE_STATE_");
        Node::leaf(format!("scope {} {state}", of.scope))
    };
    let mut roots: Vec<Node> = answer.scopes.iter().map(scope).collect();
    roots.extend(answer.subject.iter().flat_map(looked_at));
    if let Some(actor) = &answer.actor {
        roots.push(Node {
            text: format!("actor {}", actor.subject),
            below: looked_at(actor),
        });
    }
    tree::drawn(&roots, width)
}

/// What came nearest, in one line; none where nothing did.
pub(crate) fn nearest(answer: &ExplainResponse) -> Option<String> {
    let step = answer.subject.as_ref()?.steps.first()?;
    let head = head(step);
    Some(match step.effect() {
        ExplanationEffect::Allows => format!("{head} gives {}", step.entry),
        ExplanationEffect::Lacks => format!("{head} does not contain it"),
        ExplanationEffect::Elsewhere => format!("only {head}"),
        _ => format!("{head}, {}", entry(step).text),
    })
}

fn looked_at(of: &Explanation) -> Vec<Node> {
    let mut roots = Vec::new();
    if let Some(member) = &of.member {
        let ToldMember {
            kind,
            state,
            expire_time,
        } = ToldMember::from(member);
        let until = expire_time.map(|at| format!(" until {at}")).unwrap_or_default();
        roots.push(Node::leaf(format!("member {kind} {state}{until}")));
    }
    if of.steps.is_empty() {
        // The reason stands in words above the tree.
        roots.push(Node::leaf("✗ nothing gives it"));
    }
    let mut heads: Vec<String> = vec![String::new(); roots.len()];
    for step in &of.steps {
        let head = head(step);
        if heads.last() != Some(&head) {
            roots.push(Node::leaf(format!("{} {head}", mark(step.effect()))));
            heads.push(head);
        }
        if let Some(root) = roots.last_mut() {
            root.below.push(entry(step));
        }
    }
    if of.omitted_steps > 0 {
        let text = format!("✗ and {} more places where it is held", of.omitted_steps);
        roots.push(Node::leaf(text));
    }
    roots
}

/// Whether it brings the permission: yes, once approved, no.
fn mark(effect: ExplanationEffect) -> &'static str {
    match effect {
        ExplanationEffect::Allows => "✓",
        ExplanationEffect::NeedsApproval => "?",
        _ => "✗",
    }
}

fn head(step: &ExplanationStep) -> String {
    let what = match step.source() {
        ExplanationSource::Role => format!("role {}", step.role),
        ExplanationSource::DefaultRole => format!("default role {}", step.role),
        ExplanationSource::Grant | ExplanationSource::Unspecified => "grant".to_owned(),
    };
    let of_type = match step.r#type.as_str() {
        "" => String::new(),
        of => format!(" on every {of} in"),
    };
    let on = if of_type.is_empty() { " on" } else { &of_type };
    let through = match step.group.as_str() {
        "" => String::new(),
        group => format!(" through {group}"),
    };
    format!("{what}{on} {}{through}", step.on)
}

/// What it names, with what came of it and the values that its condition saw, a line each.
fn entry(step: &ExplanationStep) -> Node {
    let missing = || {
        let values = step.condition.iter().flat_map(|condition| &condition.values);
        let names: Vec<&str> = values
            .filter(|value| value.value.is_none())
            .map(|value| value.name.as_str())
            .collect();
        names.join(", ")
    };
    let outcome = match step.effect() {
        ExplanationEffect::Allows => "matches".to_owned(),
        ExplanationEffect::NeedsApproval => "needs approval".to_owned(),
        ExplanationEffect::Undecided => match missing() {
            names if names.is_empty() => "does not match: the condition cannot be decided".to_owned(),
            names => format!("does not match: {names} is missing"),
        },
        ExplanationEffect::False => "does not match: the condition is not true".to_owned(),
        ExplanationEffect::Expired => "does not match: it has expired".to_owned(),
        ExplanationEffect::Lacks => return Node::leaf("does not contain it"),
        ExplanationEffect::Elsewhere => "not on the way from the target".to_owned(),
        ExplanationEffect::Unspecified => "unknown".to_owned(),
    };
    let below = step
        .condition
        .iter()
        .map(condition)
        .chain(step.approval.iter().map(approval));
    Node {
        text: format!("{}: {outcome}", step.entry),
        below: below.collect(),
    }
}

fn condition(of: &ExplainedCondition) -> Node {
    let values = of.values.iter().map(|value| {
        let seen = value.value.as_deref().unwrap_or("(missing)");
        Node::leaf(format!("{} = {seen}", value.name))
    });
    Node {
        text: format!("when {}", of.expression),
        below: values.collect(),
    }
}

fn approval(of: &ExplainedApproval) -> Node {
    let serves = if of.once {
        "for one act"
    } else {
        "for every later act"
    };
    let lasts = of
        .lasts
        .map(|lasts| format!(", for {}", words::seconds(lasts.seconds)));
    let pending = match of.pending_request.as_str() {
        "" => Node::leaf("nobody has asked for it yet"),
        request => Node::leaf(format!("asked for: {request} waits for an answer")),
    };
    Node {
        text: format!(
            "approved by whoever has {} on the target, {serves}{}",
            of.by,
            lasts.unwrap_or_default()
        ),
        below: vec![pending],
    }
}
#[cfg(test)]
mod tests {
    use bailiwick_proto::authorization::v1::{
        ExplainedScope, ExplainedValue, MemberKind, MemberState, ScopeState,
    };

    use super::*;

    fn step(
        source: ExplanationSource,
        role: &str,
        on: &str,
        entry: &str,
        effect: ExplanationEffect,
    ) -> ExplanationStep {
        ExplanationStep {
            source: source.into(),
            role: role.into(),
            on: on.into(),
            entry: entry.into(),
            effect: effect.into(),
            ..Default::default()
        }
    }

    fn seen(expression: &str, values: &[(&str, Option<&str>)]) -> Option<ExplainedCondition> {
        let values = values.iter().map(|(name, value)| ExplainedValue {
            name: (*name).into(),
            value: value.map(Into::into),
        });
        Some(ExplainedCondition {
            expression: expression.into(),
            values: values.collect(),
        })
    }

    fn of(steps: Vec<ExplanationStep>) -> ExplainResponse {
        ExplainResponse {
            subject: Some(Explanation {
                steps,
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn a_tree_has_a_branch_for_each_source_and_a_leaf_for_each_value() {
        use ExplanationEffect as E;
        use ExplanationSource as S;
        let mut answer = of(vec![
            ExplanationStep {
                condition: seen(
                    "resource.attr.tag in grant.tags",
                    &[("resource.attr.tag", Some("x")), ("grant.tags", Some("[a, b]"))],
                ),
                ..step(S::Role, "handler", "account:a", "message.answer", E::False)
            },
            ExplanationStep {
                condition: seen(
                    "context.ip == grant.ip",
                    &[("context.ip", None), ("grant.ip", Some("1"))],
                ),
                ..step(S::Role, "handler", "account:a", "message.*", E::Undecided)
            },
            ExplanationStep {
                approval: Some(ExplainedApproval {
                    by: "message.approve".into(),
                    once: true,
                    lasts: Some(prost_types::Duration {
                        seconds: 7 * 86_400,
                        nanos: 0,
                    }),
                    pending_request: "appr_1".into(),
                }),
                ..step(S::Role, "handler", "account:a", "message.send", E::NeedsApproval)
            },
            ExplanationStep {
                group: "group:g".into(),
                ..step(S::Grant, "", "message:m1", "message.view", E::Allows)
            },
            step(S::DefaultRole, "guest", "account:a", "", E::Lacks),
            ExplanationStep {
                r#type: "message".into(),
                ..step(S::Grant, "", "account:a", "message.view", E::Elsewhere)
            },
        ]);
        answer.scopes.push(ExplainedScope {
            scope: "account:a".into(),
            state: ScopeState::Active.into(),
        });
        let member = ExplainedMember {
            kind: MemberKind::Agent.into(),
            state: MemberState::Active.into(),
            expire_time: None,
        };
        if let Some(subject) = &mut answer.subject {
            subject.member = Some(member);
            subject.omitted_steps = 3;
        }
        answer.actor = Some(Explanation {
            subject: "service:s".into(),
            ..Default::default()
        });
        assert_eq!(
            tree(&answer, None),
            "├─ scope account:a active
├─ member agent active
├─ ✗ role handler on account:a
│  ├─ message.answer: does not match: the condition is not true
│  │  └─ when resource.attr.tag in grant.tags
│  │     ├─ resource.attr.tag = x
│  │     └─ grant.tags = [a, b]
│  ├─ message.*: does not match: context.ip is missing
│  │  └─ when context.ip == grant.ip
│  │     ├─ context.ip = (missing)
│  │     └─ grant.ip = 1
│  └─ message.send: needs approval
│     └─ approved by whoever has message.approve on the target, for one act, for 7 days
│        └─ asked for: appr_1 waits for an answer
├─ ✓ grant on message:m1 through group:g
│  └─ message.view: matches
├─ ✗ default role guest on account:a
│  └─ does not contain it
├─ ✗ grant on every message in account:a
│  └─ message.view: not on the way from the target
├─ ✗ and 3 more places where it is held
└─ actor service:s
   └─ ✗ nothing gives it"
        );
    }
}
