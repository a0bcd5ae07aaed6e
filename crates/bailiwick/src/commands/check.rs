//! `bailiwick check` and `bailiwick explain`.

use anyhow::{Context, Result, bail};
use bailiwick_proto::{
    authorization::v1::{CheckRequest, Decision, DecisionReason, ExplainRequest, ExplainStep},
    common::v1::{Consistency, consistency::Requirement},
};
use serde::Serialize;

use crate::{
    cli::{Check, Output},
    connect, output,
    words::{self, decision, reason},
};

/// What `check` prints.
#[derive(Serialize)]
struct Answer {
    decision: &'static str,
    reason: &'static str,
    revision: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<Step>,
}

/// One thing that `explain` looked at.
#[derive(Serialize)]
struct Step {
    source: String,
    name: String,
    scope: String,
    group: String,
    entry: String,
    outcome: String,
}

impl From<ExplainStep> for Step {
    fn from(step: ExplainStep) -> Self {
        let ExplainStep {
            source,
            name,
            scope,
            group,
            entry,
            outcome,
        } = step;
        Self {
            source,
            name,
            scope,
            group,
            entry,
            outcome,
        }
    }
}

/// Asks one decision; true where it is allow.
pub(crate) async fn check(arguments: &Check, how: Output) -> Result<bool> {
    let request = request(arguments)?;
    let client = connect::client(&arguments.connection)?;
    let came = client
        .authorization()
        .decision()
        .check(request)
        .await
        .map_err(words::fault)?
        .into_inner();
    tell(
        arguments,
        how,
        came.decision(),
        came.reason(),
        came.revision,
        Vec::new(),
    )
}

/// Asks one decision and tells what was looked at; true where it is allow.
pub(crate) async fn explain(arguments: &Check, how: Output) -> Result<bool> {
    let request = ExplainRequest {
        check: Some(request(arguments)?),
    };
    let client = connect::client(&arguments.connection)?;
    let came = client
        .authorization()
        .decision()
        .explain(request)
        .await
        .map_err(words::fault)?
        .into_inner();
    let (decision, reason) = (came.decision(), came.reason());
    tell(
        arguments,
        how,
        decision,
        reason,
        came.revision,
        came.steps.into_iter().map(Step::from).collect(),
    )
}

fn request(arguments: &Check) -> Result<CheckRequest> {
    let account = match (&arguments.account, arguments.target.strip_prefix("account:")) {
        (Some(account), _) => account.clone(),
        (None, Some(account)) => account.to_owned(),
        (None, None) => bail!(
            "`--account` is missing: in which account is `{}`?",
            arguments.target
        ),
    };
    let requirement = arguments
        .fully_consistent
        .then_some(Requirement::FullyConsistent(true));
    Ok(CheckRequest {
        account,
        subject: arguments.subject.clone(),
        permission: arguments.permission.clone(),
        target: arguments.target.clone(),
        attributes: attributes(&arguments.attributes)?,
        consistency: requirement.map(|r| Consistency { requirement: Some(r) }),
        ..CheckRequest::default()
    })
}

fn attributes(given: &[String]) -> Result<Option<prost_types::Struct>> {
    if given.is_empty() {
        return Ok(None);
    }
    let mut fields = serde_json::Map::new();
    for pair in given {
        let (name, value) = pair
            .split_once('=')
            .with_context(|| format!("`{pair}` is not NAME=VALUE"))?;
        let value =
            serde_json::from_str(value).unwrap_or_else(|_| serde_json::Value::String(value.to_owned()));
        fields.insert(name.to_owned(), value);
    }
    Ok(Some(words::to_struct(fields)))
}

fn tell(
    arguments: &Check,
    how: Output,
    came: Decision,
    why: DecisionReason,
    revision: u64,
    steps: Vec<Step>,
) -> Result<bool> {
    let answer = Answer {
        decision: decision(came),
        reason: reason(why),
        revision,
        steps,
    };
    output::print(how, &answer, |answer| {
        let Check {
            subject,
            permission,
            target,
            ..
        } = arguments;
        let mut text = format!(
            "{}: {subject} {permission} on {target} - {} (revision {revision})",
            answer.decision,
            words::because(why)
        );
        if !answer.steps.is_empty() {
            text.push('\n');
            text.push_str(&tree(&answer.steps));
        }
        text
    })?;
    Ok(came == Decision::Allow)
}

/// What was looked at, as a tree: the source, below it each entry with what came of it.
fn tree(steps: &[Step]) -> String {
    let mut lines = Vec::new();
    let mut last = None;
    for step in steps {
        let head = (&step.source, &step.name, &step.scope, &step.group);
        if last != Some(head) {
            let through = if step.group.is_empty() {
                String::new()
            } else {
                format!(" through group {}", step.group)
            };
            let place = if step.scope.is_empty() {
                String::new()
            } else {
                format!(" on {}", step.scope)
            };
            lines.push(
                format!("  {} {}{place}{through}", step.source, step.name)
                    .trim_end()
                    .to_owned(),
            );
            last = Some(head);
        }
        let gap = if step.entry.is_empty() || step.outcome.is_empty() {
            ""
        } else {
            ": "
        };
        lines.push(format!("    {}{gap}{}", step.entry, step.outcome));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_json_or_else_text() {
        let came = attributes(&["spam=true".into(), "domain=acme.example".into()])
            .unwrap()
            .unwrap();
        assert_eq!(
            came.fields["spam"].kind,
            Some(prost_types::value::Kind::BoolValue(true))
        );
        assert_eq!(
            came.fields["domain"].kind,
            Some(prost_types::value::Kind::StringValue("acme.example".into()))
        );
        assert!(attributes(&["spam".into()]).is_err());
    }
}
