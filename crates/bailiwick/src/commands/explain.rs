//! `bailiwick explain`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{Decision, ExplainRequest};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    cli::Output,
    commands::check::Args,
    connect,
    output::{self, decision, explanation},
};

/// Result of `explain`.
#[derive(Serialize)]
struct Explained {
    decision: &'static str,
    reason: &'static str,
    revision: u64,
    #[serde(flatten)]
    explanation: Map<String, Value>,
}

/// Asks for a decision with its explanation; true if it is allow.
pub(crate) async fn run(arguments: &Args, output: Output) -> Result<bool> {
    let (client, check) = arguments.open().await?;
    let request = ExplainRequest { check: Some(check) };
    let answer = connect::message(client.authorization().decision().explain(request).await)?;
    let explained = Explained {
        decision: decision::word(answer.decision()),
        reason: decision::reason(answer.reason()),
        revision: answer.revision,
        explanation: explanation::json(&answer),
    };
    output::print(output, &explained, |explained| {
        let because = decision::because(answer.reason());
        let question = format!(
            "{} {} on {}",
            arguments.subject, arguments.permission, arguments.target
        );
        format!(
            "{}: {because} (revision {})\n{}",
            explained.decision,
            explained.revision,
            explanation::draw(question, &answer)
        )
    })?;
    Ok(answer.decision() == Decision::Allow)
}
