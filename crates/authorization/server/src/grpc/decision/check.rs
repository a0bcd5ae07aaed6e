//! `Check`.

use bailiwick_types::method::authorization::Check;

use super::{Decisions, ask, asked_one};
use crate::decision_log::Made;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    decisions: &Decisions,
    call: Call<Check, pb::CheckRequest>,
) -> Result<pb::CheckResponse, Status> {
    let (context, check) = (&call.context, &call.message);
    let mut fields = Fields::new();
    let asked = asked_one(&mut fields, check);
    let (account, asked) = fields.finish(asked)?;
    let question = asked.question();
    let replica = &decisions.replica;
    let guard = &decisions.guard;
    let asking = ask::read(replica, guard, &call, account, check.consistency.as_ref()).await?;
    let made = replica.decide(&asking.read, &question).await;
    let made = made.map(|decided| decided.answer.map(|answer| (answer, decided.revision)));
    let (answer, revision) = ask::with_right(guard, &call, &asking, made, ask::alone).await?;
    let (decision, reason) = (ask::decision(answer.outcome), ask::reason(&answer));
    let made = Made {
        account,
        question: &question,
        target: &check.target,
        decision,
        reason,
        revision,
    };
    decisions.log.take(context, &made);
    Ok(pb::CheckResponse {
        decision: decision.into(),
        reason: reason.into(),
        obligations: Vec::new(),
        revision,
    })
}
