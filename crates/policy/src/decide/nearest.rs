//! What came nearest to giving a permission that nothing on the way from the target gives.

use super::{
    DecisionInput, Ground, Holding, HoldingSource, Step, StepEffect, StepSource,
    explain::{on_place, on_resource, role_name, type_name},
    holdings,
};
use crate::{PermissionNo, set::GrantTarget};

/// The most other places that are named.
const ELSEWHERE: usize = 10;

/// The roles that the subject has on the way, then where else it has the permission, and how many of those
/// are left out.
pub(super) fn nearest(ground: &Ground<'_>, permission: PermissionNo) -> (Vec<Step>, usize) {
    let input = ground.input;
    let mut steps = here(ground);
    let mut elsewhere = Vec::new();
    holdings(input, &mut |holding| {
        if holding.permission == permission {
            let step = there(input, &holding, permission);
            if !elsewhere.contains(&step) {
                elsewhere.push(step);
            }
        }
    });
    let omitted = elsewhere.len().saturating_sub(ELSEWHERE);
    elsewhere.truncate(ELSEWHERE);
    steps.extend(elsewhere);
    (steps, omitted)
}

/// The roles on the way: none of them has the permission.
fn here(ground: &Ground<'_>) -> Vec<Step> {
    let input = ground.input;
    let mut steps = Vec::new();
    for set in input.sets {
        for place in ground.path.iter() {
            let held = set.at(place.id);
            for binding in held.iter().flat_map(|held| held.bindings) {
                steps.push(Step {
                    source: StepSource::Role(role_name(input, binding.role)),
                    subject: Some(set.subject().to_string()),
                    ..empty(on_place(input, place.id), StepEffect::Lacks)
                });
            }
        }
    }
    let standing = ground.standing().ok();
    let defaults = standing.map(|standing| standing.default_roles(input.policy.product()));
    for no in defaults.into_iter().flatten() {
        steps.push(Step {
            source: StepSource::DefaultRole(role_name(input, no)),
            ..empty(on_place(input, input.places.account().id), StepEffect::Lacks)
        });
    }
    steps
}

fn there(input: &DecisionInput<'_>, holding: &Holding<'_>, permission: PermissionNo) -> Step {
    let source = match holding.source {
        HoldingSource::Role(no) => StepSource::Role(role_name(input, no)),
        HoldingSource::DefaultRole(no) => StepSource::DefaultRole(role_name(input, no)),
        HoldingSource::Grant => StepSource::Grant,
    };
    let (on, of_type) = match holding.on {
        GrantTarget::Scope(place) => (on_place(input, place), None),
        GrantTarget::Type(place, of, _) => (on_place(input, place), type_name(input, of)),
        GrantTarget::Resource(of, id) => (on_resource(input, of, id), None),
    };
    let product = input.policy.product();
    let name = product.permission(permission).map(|info| info.name.to_string());
    Step {
        source,
        subject: holding.of.map(ToString::to_string),
        of_type,
        gives: name.unwrap_or_default(),
        ..empty(on, StepEffect::Elsewhere)
    }
}

fn empty(on: String, effect: StepEffect) -> Step {
    Step {
        source: StepSource::Grant,
        subject: None,
        on,
        of_type: None,
        gives: String::new(),
        effect,
        condition: None,
        approval: None,
    }
}
