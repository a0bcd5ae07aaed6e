//! Explanations as messages.

use bailiwick_authorization_engine::Explained;
use bailiwick_policy::{
    Explanation, Member, NeededApproval, PlaceState, SeenCondition, Step, StepEffect, StepSource,
    manifest::Serves,
};
use bailiwick_types::{Scope, Subject};

use crate::grpc::prelude::*;
use crate::grpc::{ask, convert::timestamp};
use crate::variants::same_variants;

pub(super) fn response(
    explained: &Explained,
    subject: &Subject,
    actor: Option<&Subject>,
    revision: u64,
) -> pb::ExplainResponse {
    let answer = explained.answer();
    let own = looked_at(&explained.explanation, subject, explained.member.as_ref());
    let of_actor = actor.zip(explained.actor.as_ref());
    let of_actor = of_actor.map(|(actor, found)| looked_at(found, actor, explained.actor_member.as_ref()));
    pb::ExplainResponse {
        decision: ask::decision(answer.outcome).into(),
        reason: ask::reason(&answer).into(),
        revision,
        scopes: explained.path.iter().map(scope).collect(),
        subject: Some(own),
        actor: of_actor,
    }
}

same_variants! {
    fn scope_state(PlaceState => pb::ScopeState) { Active, Suspended, Moving, Deleted, Restricted }
    fn effect(StepEffect => pb::ExplanationEffect) {
        Allows, NeedsApproval, Undecided, False, Expired, Lacks, Elsewhere
    }
}

fn scope((scope, state): &(Scope, PlaceState)) -> pb::ExplainedScope {
    pb::ExplainedScope {
        scope: scope.to_string(),
        state: scope_state(*state).into(),
    }
}

fn member(member: &Member) -> pb::ExplainedMember {
    pb::ExplainedMember {
        kind: convert::member_kind(member.kind).into(),
        state: convert::member_state(member.state).into(),
        expire_time: member.expires_at.map(timestamp),
    }
}

fn looked_at(found: &Explanation, subject: &Subject, of: Option<&Member>) -> pb::Explanation {
    pb::Explanation {
        subject: subject.to_string(),
        member: of.map(member),
        steps: found.steps.iter().map(|found| step(found, subject)).collect(),
        omitted_steps: u32::try_from(found.omitted).unwrap_or(u32::MAX),
    }
}

fn step(step: &Step, subject: &Subject) -> pb::ExplanationStep {
    let (source, role) = match &step.source {
        StepSource::Role(role) => (pb::ExplanationSource::Role, role.as_str()),
        StepSource::DefaultRole(role) => (pb::ExplanationSource::DefaultRole, role.as_str()),
        StepSource::Grant => (pb::ExplanationSource::Grant, ""),
    };
    let through = step.subject.as_deref().filter(|of| *of != subject.as_str());
    pb::ExplanationStep {
        source: source.into(),
        role: role.to_owned(),
        on: step.on.clone(),
        r#type: step.of_type.clone().unwrap_or_default(),
        group: through.unwrap_or_default().to_owned(),
        entry: step.gives.clone(),
        effect: effect(step.effect).into(),
        condition: step.condition.as_ref().map(condition),
        approval: step.approval.as_ref().map(approval),
    }
}

fn condition(of: &SeenCondition) -> pb::ExplainedCondition {
    let values = of.seen.iter().map(|(name, value)| pb::ExplainedValue {
        name: name.clone(),
        value: value.clone(),
    });
    pb::ExplainedCondition {
        expression: of.source.clone(),
        values: values.collect(),
    }
}

fn approval(of: &NeededApproval) -> pb::ExplainedApproval {
    pb::ExplainedApproval {
        by: of.by.clone(),
        once: of.rule.serves == Serves::Once,
        lasts: of
            .rule
            .expires
            .and_then(|span| span.to_duration().try_into().ok()),
        pending_request: of.waiting.map(|id| id.to_string()).unwrap_or_default(),
    }
}
