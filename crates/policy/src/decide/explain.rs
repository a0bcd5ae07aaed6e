//! What was looked at for a decision.

use bailiwick_types::{ApprovalId, Level};

use super::{
    Decision, DecisionInput, Effect, Ground, Outcome, Reason, Source, Target, decide, nearest::nearest,
    rule_of,
};
use crate::{
    PermissionNo, PlaceId, RoleNo, TypeNo,
    product::{ApprovalRule, Entry},
};

/// Everything that was looked at for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision itself.
    pub decision: Decision,
    /// What gives the permission or would, the nearest to allowing first. Where nothing does: what the
    /// subject has there instead, and where else it has the permission.
    pub steps: Vec<Step>,
    /// How many more places there are where the subject has the permission.
    pub omitted: usize,
}

/// Something that gives the permission, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is.
    pub source: StepSource,
    /// Whose set it is in: the subject or one of its groups; none for default roles.
    pub subject: Option<String>,
    /// Where it is: a scope or resource; `product` for what is bound there.
    pub on: String,
    /// For a grant on a type in a scope: the type.
    pub of_type: Option<String>,
    /// The entry or the granted permission, as a manifest writes it; empty where nothing in it
    /// gives the permission.
    pub gives: String,
    /// What it comes to.
    pub effect: StepEffect,
    /// Its condition with the values that it saw.
    pub condition: Option<SeenCondition>,
    /// What has to be approved.
    pub approval: Option<NeededApproval>,
}

/// What a step comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepSource {
    /// A binding of the role.
    Role(String),
    /// A default role.
    DefaultRole(String),
    /// A grant.
    Grant,
}

/// What a step comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepEffect {
    /// It allows.
    Allows,
    /// It allows once somebody approves.
    NeedsApproval,
    /// Its condition cannot be decided.
    Undecided,
    /// Its condition is not true.
    False,
    /// It has expired.
    Expired,
    /// It counts here and does not contain the permission.
    Lacks,
    /// It contains the permission and counts elsewhere.
    Elsewhere,
}

/// A condition and the values that it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCondition {
    /// The expression.
    pub source: String,
    /// The names that it looks at, each with the value that was there, if any.
    pub seen: Vec<(String, Option<String>)>,
}

/// The rule under which somebody has to approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededApproval {
    /// The permission of those who approve.
    pub by: String,
    /// The rule.
    pub rule: ApprovalRule,
    /// The subject's request that waits for an answer.
    pub waiting: Option<ApprovalId>,
}

/// Explains a decision: the same one that [`decide`] makes, with everything that led to it.
#[must_use]
pub fn explain(input: &DecisionInput<'_>, permission: PermissionNo) -> Explanation {
    let decision = decide(input, permission);
    let Ok(ground) = Ground::find(input, permission) else {
        return Explanation {
            decision,
            steps: Vec::new(),
            omitted: 0,
        };
    };
    let mut found = Vec::new();
    let denied: Option<Reason> = ground.walk(&mut |candidate| {
        found.push(candidate);
        true
    });
    debug_assert!(denied.is_none() || decision.outcome != Outcome::NeedsApproval);
    if found.is_empty() && denied.is_none() {
        let (steps, omitted) = nearest(&ground, permission);
        return Explanation {
            decision,
            steps,
            omitted,
        };
    }
    found.sort_by_key(|candidate| candidate.effect.distance());
    let standing = ground.standing().ok();
    let steps = found.into_iter().map(|candidate| {
        let effect = match candidate.effect {
            Effect::Allow => StepEffect::Allows,
            Effect::Approval => StepEffect::NeedsApproval,
            Effect::Undecided => StepEffect::Undecided,
            Effect::False => StepEffect::False,
            Effect::Expired => StepEffect::Expired,
        };
        let condition = candidate
            .condition
            .zip(standing)
            .map(|(condition, standing)| SeenCondition {
                source: condition.source().to_owned(),
                seen: condition.seen(&ground.circumstances(standing, candidate.parameters)),
            });
        let needed = matches!(effect, StepEffect::NeedsApproval);
        Step {
            condition,
            approval: needed
                .then(|| approval(&ground, candidate.source, permission))
                .flatten(),
            effect,
            gives: gives(input, permission, candidate.source),
            ..bare(input, candidate.source)
        }
    });
    Explanation {
        decision,
        steps: steps.collect(),
        omitted: 0,
    }
}

/// What a source is, without what it gives.
fn bare(input: &DecisionInput<'_>, source: Source) -> Step {
    let role = |no| role_name(input, no);
    let account = || on_place(input, input.places.account().id);
    let (of, on) = match source {
        Source::Binding { role: no, place, .. } => (StepSource::Role(role(no)), on_place(input, place)),
        Source::DefaultRole { role: no, .. } => (StepSource::DefaultRole(role(no)), account()),
        Source::ScopeGrant { place, .. } | Source::TypeGrant { place, .. } => {
            (StepSource::Grant, on_place(input, place))
        }
        Source::ResourceGrant { above, .. } => {
            let resource = match input.target {
                Target::Resource(chain) => chain.get(usize::from(above)),
                Target::Scope(_) | Target::Absent => None,
            };
            let on = resource.map(|resource| on_resource(input, resource.type_no, &resource.id));
            (StepSource::Grant, on.unwrap_or_default())
        }
    };
    let of_type = match source {
        Source::TypeGrant { of, .. } => type_name(input, of),
        _ => None,
    };
    Step {
        source: of,
        subject: subject_of(input, source),
        on,
        of_type,
        gives: String::new(),
        effect: StepEffect::Lacks,
        condition: None,
        approval: None,
    }
}

pub(super) fn role_name(input: &DecisionInput<'_>, no: RoleNo) -> String {
    let role = input.policy.role(no);
    role.map(|role| role.name.to_string()).unwrap_or_default()
}

pub(super) fn type_name(input: &DecisionInput<'_>, of: TypeNo) -> Option<String> {
    let of = input.policy.product().type_info(of);
    of.map(|of| of.name.to_string())
}

pub(super) fn on_place(input: &DecisionInput<'_>, place: PlaceId) -> String {
    let level = match place {
        PlaceId::DEPLOYMENT => Level::Deployment,
        PlaceId::PRODUCT => return "product".to_owned(),
        place => input
            .places
            .get(place)
            .map_or(Level::Account, |place| place.level),
    };
    place
        .to_scope(level)
        .map(|scope| scope.to_string())
        .unwrap_or_default()
}

pub(super) fn on_resource(input: &DecisionInput<'_>, of: TypeNo, id: &str) -> String {
    format!("{}:{id}", type_name(input, of).unwrap_or_default())
}

fn approval(ground: &Ground<'_>, source: Source, permission: PermissionNo) -> Option<NeededApproval> {
    let policy = ground.input.policy;
    let rule = rule_of(policy, source, permission)?;
    let by = policy.product().permission(rule.by)?;
    Some(NeededApproval {
        by: by.name.to_string(),
        rule: rule.clone(),
        waiting: ground.approval(source, false),
    })
}

fn subject_of(input: &DecisionInput<'_>, source: Source) -> Option<String> {
    let set = match source {
        Source::DefaultRole { .. } => return None,
        Source::Binding { set, .. }
        | Source::ScopeGrant { set, .. }
        | Source::TypeGrant { set, .. }
        | Source::ResourceGrant { set, .. } => usize::from(set),
    };
    let of_set = input.sets.get(set).map(|set| set.subject());
    let of_bucket = || {
        input
            .buckets
            .get(set.checked_sub(input.sets.len())?)
            .map(|bucket| bucket.subject())
    };
    of_set.or_else(of_bucket).map(ToString::to_string)
}

fn gives(input: &DecisionInput<'_>, permission: PermissionNo, source: Source) -> String {
    let product = input.policy.product();
    let own_name = || {
        product
            .permission(permission)
            .map(|info| info.name.to_string())
            .unwrap_or_default()
    };
    let (role, level, number) = match source {
        Source::Binding {
            role, level, entry, ..
        } => (role, level, entry),
        Source::DefaultRole { role, entry } => (role, Level::Account, entry),
        Source::ScopeGrant { .. } | Source::TypeGrant { .. } | Source::ResourceGrant { .. } => {
            return own_name();
        }
    };
    let Some(at) = input.policy.role(role).and_then(|role| role.level(level)) else {
        return own_name();
    };
    let plain = |entry: &&Entry| entry.condition.is_none() && entry.bits.contains(permission);
    let entry = match number {
        Some(number) => at.entries().get(usize::from(number)),
        None => at.entries().iter().find(plain),
    };
    entry
        .and_then(|entry| product.pattern_text(entry.pattern))
        .unwrap_or_else(own_name)
}
