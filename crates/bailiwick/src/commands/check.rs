//! `bailiwick check` and `bailiwick explain`.

use anyhow::{Context, Result, bail};
use bailiwick_proto::{
    authorization::v1::{CheckRequest, Decision, DecisionReason, ExplainRequest, ExplainResponse},
    common::v1::{Consistency, consistency::Requirement},
};
use serde::Serialize;

use super::explanation;
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
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    explanation: Option<explanation::Told>,
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
        None,
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
    tell(
        arguments,
        how,
        came.decision(),
        came.reason(),
        came.revision,
        Some(&came),
    )
}

/// The account that is asked in: the one named, or the target itself.
pub(crate) fn account_of(named: Option<&str>, target: &str) -> Result<String> {
    match (named, target.strip_prefix("account:")) {
        (Some(account), _) | (None, Some(account)) => Ok(account.to_owned()),
        (None, None) => bail!("`--account` is missing: in which account is `{target}`?"),
    }
}

fn request(arguments: &Check) -> Result<CheckRequest> {
    let account = account_of(arguments.account.as_deref(), &arguments.target)?;
    let requirement = arguments
        .fully_consistent
        .then_some(Requirement::FullyConsistent(true));
    Ok(CheckRequest {
        account,
        subject: arguments.subject.clone(),
        permission: arguments.permission.clone(),
        target: arguments.target.clone(),
        attributes: attributes(&arguments.attributes)?,
        actor: arguments.actor.clone().unwrap_or_default(),
        digest: arguments.digest.clone().unwrap_or_default(),
        consistency: requirement.map(|r| Consistency { requirement: Some(r) }),
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
    explained: Option<&ExplainResponse>,
) -> Result<bool> {
    let answer = Answer {
        decision: decision(came),
        reason: reason(why),
        revision,
        explanation: explained.map(explanation::Told::from),
    };
    output::print(how, &answer, |answer| {
        let Check {
            subject,
            permission,
            target,
            ..
        } = arguments;
        let why = words::because(why);
        match explained {
            None => format!(
                "{}: {subject} {permission} on {target} - {why} (revision {revision})",
                answer.decision
            ),
            Some(explained) => format!(
                "{}: {why} (revision {revision})\n{subject} {permission} on {target}\n{}",
                answer.decision,
                explanation::tree(explained, output::width())
            ),
        }
    })?;
    Ok(came == Decision::Allow)
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
