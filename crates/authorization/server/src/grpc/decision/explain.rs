//! `Explain`.

use bailiwick_rpc::status;
use bailiwick_types::{Violations, method::authorization::Explain};

use super::{Decisions, ask, asked_one, explanation};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    decisions: &Decisions,
    call: Call<Explain, pb::ExplainRequest>,
) -> Result<pb::ExplainResponse, Status> {
    let context = &call.context;
    let Some(check) = &call.message.check else {
        return Err(Violations::of("check", "must be given").into_status());
    };
    let (account, asked) = asked_one(check).map_err(|violations| nested(&violations).into_status())?;
    // It reads the primary, whatever consistency its question asks for.
    let wanted = ask::primary(context);
    let replica = &decisions.replica;
    ask::known_caller(replica, context, account, &wanted).await?;
    replica
        .arrive(account, &wanted, &asked.subjects(), context.deadline)
        .await
        .map_err(|error| status(&error))?;
    let made = replica
        .explain(account, &asked.question(), context.deadline)
        .await;
    let made = made.map(|decided| decided.answer.map(|answer| (answer, decided.revision)));
    let (explained, revision) = ask::with_right(&decisions.guard, &call, account, made, "").await?;
    Ok(explanation::response(
        &explained,
        &asked.subject,
        asked.actor.as_ref(),
        revision,
    ))
}

/// The violations of a question that stands in the field `check`.
fn nested(violations: &Violations) -> Violations {
    let mut nested = Violations::new();
    for violation in violations.as_slice() {
        nested.add(format!("check.{}", violation.field), violation.rule.clone());
    }
    nested
}
