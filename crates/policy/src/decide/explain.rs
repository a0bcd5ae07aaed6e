//! What was looked at for a decision.

use super::{Decision, DecisionInput, Effect, Ground, Outcome, Reason, Source, decide};
use crate::{Level, PermissionNo, product::Entry};

/// Everything that was looked at for a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The decision itself.
    pub decision: Decision,
    /// What gives the permission or would, the nearest to allowing first.
    pub steps: Vec<Step>,
}

/// Something that gives the permission, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it is.
    pub source: Source,
    /// Whose set it is in: the subject or one of its groups; none for default roles.
    pub subject: Option<String>,
    /// The name of the role.
    pub role: Option<String>,
    /// The entry or the grant's permissions, as a manifest writes them.
    pub gives: String,
    /// What it comes to.
    pub effect: StepEffect,
    /// Its condition with the values that it saw.
    pub condition: Option<SeenCondition>,
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
}

/// A condition and the values that it saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCondition {
    /// The expression.
    pub source: String,
    /// The names that it looks at, each with the value that was there, if any.
    pub seen: Vec<(String, Option<String>)>,
}

/// Explains a decision: the same one that [`decide`] makes, with everything that led to it.
#[must_use]
pub fn explain(input: &DecisionInput<'_>, permission: PermissionNo) -> Explanation {
    let decision = decide(input, permission);
    let Ok(ground) = Ground::find(input, permission) else {
        return Explanation {
            decision,
            steps: Vec::new(),
        };
    };
    let mut found = Vec::new();
    let denied: Option<Reason> = ground.walk(&mut |candidate| {
        found.push(candidate);
        true
    });
    debug_assert!(denied.is_none() || decision.outcome != Outcome::NeedsApproval);
    found.sort_by_key(|candidate| candidate.effect.distance());
    let standing = ground.standing().ok();
    let steps = found.into_iter().map(|candidate| Step {
        source: candidate.source,
        subject: subject_of(input, candidate.source),
        role: role_of(input, candidate.source),
        gives: gives(input, permission, candidate.source),
        effect: match candidate.effect {
            Effect::Allow => StepEffect::Allows,
            Effect::Approval => StepEffect::NeedsApproval,
            Effect::Undecided => StepEffect::Undecided,
            Effect::False => StepEffect::False,
            Effect::Expired => StepEffect::Expired,
        },
        condition: candidate
            .condition
            .zip(standing)
            .map(|(condition, standing)| SeenCondition {
                source: condition.source().to_owned(),
                seen: condition.seen(&ground.circumstances(standing, candidate.parameters)),
            }),
    });
    Explanation {
        decision,
        steps: steps.collect(),
    }
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

fn role_of(input: &DecisionInput<'_>, source: Source) -> Option<String> {
    match source {
        Source::Binding { role, .. } | Source::DefaultRole { role, .. } => {
            input.policy.role(role).map(|role| role.name.to_string())
        }
        Source::ScopeGrant { .. } | Source::TypeGrant { .. } | Source::ResourceGrant { .. } => None,
    }
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
