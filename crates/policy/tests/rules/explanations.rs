//! What an explanation tells.

use bailiwick_policy::{
    ApprovalTarget, Level, OpenApproval, PlaceId, Reason, Resource, Step, StepEffect, StepSource, Target,
    TypeGrantReach, explain,
};

use super::*;

fn role(name: &str) -> StepSource {
    StepSource::Role(name.to_owned())
}

fn told(steps: &[Step]) -> Vec<(StepSource, &str, StepEffect)> {
    steps
        .iter()
        .map(|s| (s.source.clone(), s.on.as_str(), s.effect))
        .collect()
}

#[test]
fn an_explanation_names_what_was_looked_at() {
    let mut world = world().with("own", root()).with("clerk", WORKSPACE);
    let no = world.product.permission_no("order.edit").unwrap();
    let hers = Resource {
        owner: Some("user:eve".parse().unwrap()),
        ..world.order()
    };
    let found = world.ask(Target::Resource(&[&hers]), |input| explain(input, no));
    assert!(found.decision.is_allow());
    let steps: Vec<_> = found
        .steps
        .iter()
        .map(|s| (s.source.clone(), s.gives.as_str(), s.effect))
        .collect();
    assert_eq!(
        steps,
        [
            (role("clerk"), "order.edit", StepEffect::Allows),
            (role("own"), "order.*", StepEffect::False)
        ]
    );
    let condition = found.steps[1].condition.as_ref().unwrap();
    assert_eq!(condition.source, "resource.owner == subject.id");
    assert_eq!(
        condition.seen[0],
        ("resource.owner".to_owned(), Some("user:eve".to_owned()))
    );
    assert_eq!(found.steps[0].subject.as_deref(), Some("user:ann"));
    world.disabled = true;
    let found = world.ask(Target::Absent, |input| explain(input, no));
    assert_eq!(
        (found.decision.reason, found.steps.len()),
        (Reason::SubjectDisabled, 0)
    );
}

#[test]
fn what_needs_an_approval_says_of_whom_for_how_long_and_what_waits() {
    let mut world = world().with("shipper", root());
    let no = world.product.permission_no("order.ship").unwrap();
    let ask = |world: &World| world.ask(Target::Scope(WORKSPACE), |input| explain(input, no));
    let found = ask(&world);
    let needed = found.steps[0].approval.clone().unwrap();
    assert_eq!((needed.by.as_str(), needed.waiting), ("order.approve", None));
    assert_eq!(needed.rule.expires.unwrap().seconds(), 7 * 86_400);
    let id = "appr_01h455vb4pex5vsknk084sn02q".parse().unwrap();
    world.set.approval(OpenApproval {
        id,
        permission: no,
        target: ApprovalTarget::Place(WORKSPACE),
        digest: None,
        bound: None,
        approved: false,
        expires_at: None,
    });
    let waiting = ask(&world).steps[0].approval.clone().unwrap().waiting;
    assert_eq!(waiting, Some(id));
}

#[test]
fn a_denial_names_the_roles_that_do_not_contain_it_and_where_else_it_is_held() {
    let mut world = world().with("clerk", WORKSPACE).with("shipper", root());
    let no = world.product.permission_no("order.edit").unwrap();
    let permission = world.one("order.edit");
    let order = world.product.type_no("order").unwrap();
    world.set.grant_resource(order, "o7", [permission], None, None);
    world.set.grant_type(
        order,
        OTHER,
        TypeGrantReach::Existing(3),
        [permission],
        None,
        None,
    );
    let here = Resource {
        place: OTHER,
        ..world.order()
    };
    let found = world.ask(Target::Resource(&[&here]), |input| explain(input, no));
    assert_eq!(found.decision.reason, Reason::NoEntry);
    let (account, other, workspace) = (
        place_text(root(), Level::Account),
        place_text(OTHER, Level::Workspace),
        place_text(WORKSPACE, Level::Workspace),
    );
    assert_eq!(
        told(&found.steps),
        [
            (role("shipper"), account.as_str(), StepEffect::Lacks),
            (
                StepSource::DefaultRole("visitor".to_owned()),
                account.as_str(),
                StepEffect::Lacks
            ),
            (role("clerk"), workspace.as_str(), StepEffect::Elsewhere),
            (StepSource::Grant, other.as_str(), StepEffect::Elsewhere),
            (StepSource::Grant, "order:o7", StepEffect::Elsewhere),
        ]
    );
    let of_type = found.steps[3].of_type.as_deref();
    assert_eq!(of_type, Some("order"), "a grant on what was there before it");
    assert_eq!(found.omitted, 0);
    for n in 0..20 {
        world
            .set
            .grant_resource(order, format!("more{n}"), [permission], None, None);
    }
    let found = world.ask(Target::Resource(&[&here]), |input| explain(input, no));
    assert_eq!(
        (found.steps.len(), found.omitted),
        (12, 13),
        "what is left out is counted"
    );
}

fn place_text(place: PlaceId, level: Level) -> String {
    place.to_scope(level).unwrap().to_string()
}
