//! How a decision was reached, as a tree for people and as JSON for programs.

use bailiwick_proto::authorization::v1::{
    ExplainResponse, ExplainedApproval, ExplainedCondition, ExplainedMember, ExplainedScope, Explanation,
    ExplanationEffect, ExplanationSource, ExplanationStep,
};
use serde_json::{Map, Value, json};

use super::tree::{self, Tree};

/// The fields of an explanation in JSON; those that are empty are left out.
pub(crate) fn json(answer: &ExplainResponse) -> Map<String, Value> {
    let scopes = answer
        .scopes
        .iter()
        .map(|scope| json!({"scope": scope.scope, "state": scope_state(scope)}));
    compact(json!({
        "scopes": scopes.collect::<Value>(),
        "subject": subject_json(&answer.subject.clone().unwrap_or_default()),
        "actor": answer.actor.as_ref().map(subject_json),
    }))
}

fn subject_json(explanation: &Explanation) -> Map<String, Value> {
    let member = explanation.member.as_ref().map(|member| {
        compact(json!({
            "kind": word(member.kind().as_str_name(), "MEMBER_KIND_"),
            "state": word(member.state().as_str_name(), "MEMBER_STATE_"),
            "expire_time": member.expire_time.map(|at| at.to_string()),
        }))
    });
    compact(json!({
        "subject": explanation.subject,
        "member": member,
        "steps": explanation.steps.iter().map(step_json).collect::<Value>(),
        "omitted_steps": Some(explanation.omitted_steps).filter(|omitted| *omitted > 0),
    }))
}

fn step_json(step: &ExplanationStep) -> Map<String, Value> {
    let condition = step.condition.as_ref().map(|condition| {
        let values = condition
            .values
            .iter()
            .map(|value| json!({"name": value.name, "value": value.value}));
        json!({"expression": condition.expression, "values": values.collect::<Value>()})
    });
    let approval = step.approval.as_ref().map(|approval| {
        compact(json!({
            "by": approval.by,
            "once": approval.once,
            "lasts_seconds": approval.lasts.map(|lasts| lasts.seconds),
            "pending_request": approval.pending_request,
        }))
    });
    compact(json!({
        "source": word(step.source().as_str_name(), "EXPLANATION_SOURCE_"),
        "role": step.role,
        "on": step.on,
        "type": step.r#type,
        "group": step.group,
        "entry": step.entry,
        "effect": word(step.effect().as_str_name(), "EXPLANATION_EFFECT_"),
        "condition": condition,
        "approval": approval,
    }))
}

/// The fields of an object without those that are null or an empty text.
fn compact(object: Value) -> Map<String, Value> {
    let Value::Object(mut fields) = object else {
        return Map::new();
    };
    fields.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    fields
}

/// The name of an enum value, without its prefix and in lower case.
fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

fn scope_state(scope: &ExplainedScope) -> String {
    word(scope.state().as_str_name(), "SCOPE_STATE_")
}

/// Draws an explanation below a title: scopes and membership, then each source that gives the permission or
/// might, the nearest to allowing first. Below a source are its entries, each with its outcome.
pub(crate) fn draw(title: String, answer: &ExplainResponse) -> String {
    tree::draw(tree(title, answer), super::width())
}

fn tree(title: String, answer: &ExplainResponse) -> Tree {
    let mut tree = Tree::new(title);
    let scope = |scope: &ExplainedScope| format!("scope {} {}", scope.scope, scope_state(scope));
    tree.extend(answer.scopes.iter().map(scope));
    tree.extend(answer.subject.iter().flat_map(sources));
    let actor =
        |actor: &Explanation| Tree::new(format!("actor {}", actor.subject)).with_leaves(sources(actor));
    tree.extend(answer.actor.as_ref().map(actor));
    tree
}

/// Formats the step that came closest to allowing, on one line; `None` without steps.
pub(crate) fn nearest(answer: &ExplainResponse) -> Option<String> {
    let step = answer.subject.as_ref()?.steps.first()?;
    let head = head(step);
    Some(match step.effect() {
        ExplanationEffect::Allows => format!("{head} gives {}", step.entry),
        ExplanationEffect::Lacks => format!("{head} does not contain it"),
        ExplanationEffect::Elsewhere => format!("only {head}"),
        _ => format!("{head}, {}", entry(step).root),
    })
}

fn sources(explanation: &Explanation) -> Vec<Tree> {
    let mut sources: Vec<Tree> = explanation.member.iter().map(member).collect();
    if explanation.steps.is_empty() {
        // The reason is in the headline.
        sources.push("✗ nothing gives it".to_owned().into());
    }
    let mut last = None;
    for step in &explanation.steps {
        let head = head(step);
        if last.as_ref() != Some(&head) {
            sources.push(format!("{} {head}", mark(step.effect())).into());
            last = Some(head);
        }
        if let Some(source) = sources.last_mut() {
            source.push(entry(step));
        }
    }
    if explanation.omitted_steps > 0 {
        let text = format!("✗ and {} more places where it is held", explanation.omitted_steps);
        sources.push(text.into());
    }
    sources
}

fn member(member: &ExplainedMember) -> Tree {
    let kind = word(member.kind().as_str_name(), "MEMBER_KIND_");
    let state = word(member.state().as_str_name(), "MEMBER_STATE_");
    let until = member.expire_time.map(|at| format!(" until {at}"));
    format!("member {kind} {state}{}", until.unwrap_or_default()).into()
}

/// Whether a source gives the permission: yes, once approved, no.
fn mark(effect: ExplanationEffect) -> &'static str {
    match effect {
        ExplanationEffect::Allows => "✓",
        ExplanationEffect::NeedsApproval => "?",
        _ => "✗",
    }
}

fn head(step: &ExplanationStep) -> String {
    let source = match step.source() {
        ExplanationSource::Role => format!("role {}", step.role),
        ExplanationSource::DefaultRole => format!("default role {}", step.role),
        ExplanationSource::Grant | ExplanationSource::Unspecified => "grant".to_owned(),
    };
    let every = match step.r#type.as_str() {
        "" => String::new(),
        type_name => format!("every {type_name} in "),
    };
    let through = match step.group.as_str() {
        "" => String::new(),
        group => format!(" through {group}"),
    };
    format!("{source} on {every}{}{through}", step.on)
}

/// An entry with its outcome, and below it the values that its condition was evaluated with.
fn entry(step: &ExplanationStep) -> Tree {
    let outcome = match step.effect() {
        ExplanationEffect::Allows => "matches".to_owned(),
        ExplanationEffect::NeedsApproval => "needs approval".to_owned(),
        ExplanationEffect::Undecided => match missing_values(step) {
            names if names.is_empty() => "does not match: the condition cannot be decided".to_owned(),
            names => format!("does not match: {names} is missing"),
        },
        ExplanationEffect::False => "does not match: the condition is not true".to_owned(),
        ExplanationEffect::Expired => "does not match: it has expired".to_owned(),
        ExplanationEffect::Lacks => return "does not contain it".to_owned().into(),
        ExplanationEffect::Elsewhere => "does not apply to the target".to_owned(),
        ExplanationEffect::Unspecified => "unknown".to_owned(),
    };
    let mut tree = Tree::new(format!("{}: {outcome}", step.entry));
    tree.extend(step.condition.as_ref().map(condition));
    tree.extend(step.approval.as_ref().map(approval));
    tree
}

fn missing_values(step: &ExplanationStep) -> String {
    let values = step.condition.iter().flat_map(|condition| &condition.values);
    let names: Vec<&str> = values
        .filter(|value| value.value.is_none())
        .map(|value| value.name.as_str())
        .collect();
    names.join(", ")
}

fn condition(condition: &ExplainedCondition) -> Tree {
    let values = condition.values.iter().map(|value| {
        let seen = value.value.as_deref().unwrap_or("(missing)");
        format!("{} = {seen}", value.name)
    });
    Tree::new(format!("when {}", condition.expression)).with_leaves(values)
}

fn approval(approval: &ExplainedApproval) -> Tree {
    let serves = if approval.once {
        "for one use"
    } else {
        "for every later use"
    };
    let lasts = approval
        .lasts
        .map(|lasts| format!(", valid for {}", duration(lasts.seconds)));
    let request = match approval.pending_request.as_str() {
        "" => "not requested yet".to_owned(),
        request => format!("requested: {request} is pending"),
    };
    let text = format!(
        "approved by anyone with {} on the target, {serves}{}",
        approval.by,
        lasts.unwrap_or_default()
    );
    Tree::new(text).with_leaves([request])
}

/// A duration in the largest unit of which it is a whole number.
fn duration(seconds: i64) -> String {
    let (number, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, "day"),
        s if s % 3_600 == 0 => (s / 3_600, "hour"),
        s if s % 60 == 0 => (s / 60, "minute"),
        s => (s, "second"),
    };
    super::count(number, unit)
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
            tree::draw(tree("title".to_owned(), &answer), None),
            "title
├─ scope account:a active
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
│     └─ approved by anyone with message.approve on the target, for one use, valid for 7 days
│        └─ requested: appr_1 is pending
├─ ✓ grant on message:m1 through group:g
│  └─ message.view: matches
├─ ✗ default role guest on account:a
│  └─ does not contain it
├─ ✗ grant on every message in account:a
│  └─ message.view: does not apply to the target
├─ ✗ and 3 more places where it is held
└─ actor service:s
   └─ ✗ nothing gives it"
        );
    }
}
