//! `BatchCheck`.

use bailiwick_authorization_engine::Question;
use bailiwick_types::method::authorization::BatchCheck;

use super::{Asked, Decisions, ask, asked_all};
use crate::decision_log::Made;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    decisions: &Decisions,
    call: Call<BatchCheck, pb::BatchCheckRequest>,
) -> Result<pb::BatchCheckResponse, Status> {
    let (context, batch) = (&call.context, &call.message);
    let (account, asked) = asked_all(batch)?;
    let questions: Vec<Question<'_>> = asked.iter().map(Asked::question).collect();
    let replica = &decisions.replica;
    let guard = &decisions.guard;
    let asking = ask::read(replica, guard, &call, account, batch.consistency.as_ref()).await?;
    let made = replica.decide_all(&asking.read, &questions).await;
    let made = made.map(|decided| decided.answer.map(|answers| (answers, decided.revision)));
    let item = |n| format!("items[{n}].");
    let (answers, revision) = ask::with_right(guard, &call, &asking, made, item).await?;
    let mut results = Vec::with_capacity(answers.len());
    for ((answer, question), item) in answers.iter().zip(&questions).zip(&batch.items) {
        let (decision, reason) = (ask::decision(answer.outcome), ask::reason(answer));
        let made = Made {
            account,
            question,
            target: &item.target,
            decision,
            reason,
            revision,
        };
        decisions.log.take(context, &made);
        results.push(pb::BatchCheckResult {
            decision: decision.into(),
            reason: reason.into(),
        });
    }
    Ok(pb::BatchCheckResponse { results, revision })
}
