//! `Explain`.

use bailiwick_types::{Violations, method::authorization::Explain};

use super::{Decisions, ask, asked_one, explanation};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    decisions: &Decisions,
    call: Call<Explain, pb::ExplainRequest>,
) -> Result<pb::ExplainResponse, Status> {
    let context = &call.context;
    let Some(check) = &call.message.check else {
        return Err(status(Violations::of("check", "must be given")));
    };
    let mut fields = Fields::new();
    let asked = fields.within("check.", |fields| asked_one(fields, check));
    let (account, asked) = fields.finish(asked)?;
    let replica = &decisions.replica;
    // It reads the primary, whatever consistency its question asks for.
    let guard = &decisions.guard;
    let asking = ask::permitted(replica, guard, &call, account, ask::primary(context)).await?;
    replica
        .arrive(&asking.read, &asked.subjects())
        .await
        .map_err(status)?;
    let made = replica
        .explain(account, &asked.question(), context.deadline)
        .await;
    let made = made.map(|decided| decided.answer.map(|answer| (answer, decided.revision)));
    let within = |_| "check.".to_owned();
    let (explained, revision) = ask::with_right(guard, &call, &asking, made, within).await?;
    Ok(explanation::response(
        &explained,
        &asked.subject,
        asked.actor.as_ref(),
        revision,
    ))
}
