//! Approvals.

use bailiwick_policy::{
    ApprovalTarget, OpenApproval, Outcome, Reason, Resource, Target, bound_values, is_bound_to, plan,
};
use bailiwick_types::{ApprovalId, Timestamp};

use serde_json::json;

use super::*;

#[test]
fn a_type_may_ask_for_an_approval_whatever_the_permission_comes_from() {
    let mut world = world().with("shipper", root());
    let needs = |world: &World| world.decide("order.ship", Target::Scope(WORKSPACE));
    let decision = needs(&world);
    assert_eq!(
        (decision.outcome, decision.reason),
        (Outcome::NeedsApproval, Reason::ApprovalRequired)
    );
    let rule = decision.rule(&world.policy).unwrap();
    assert_eq!(rule.by, world.product.permission_no("order.approve").unwrap());
    assert_eq!(rule.expires.unwrap().seconds(), 7 * 86_400);
    let permission = world.one("order.ship");
    world.set.grant_scope(WORKSPACE, [permission], None, None);
    assert_eq!(needs(&world).outcome, Outcome::NeedsApproval, "grants too");
    world.policy = policy(&world.product, vec![], vec![], false);
    assert_eq!(
        needs(&world).outcome,
        Outcome::Allow,
        "switched off by the setting"
    );
}

#[test]
fn a_plain_star_does_not_waive_an_approval_and_an_entry_that_says_none_does() {
    assert_eq!(
        world().with("all", root()).at("order.ship", OTHER),
        Reason::ApprovalRequired
    );
    assert_eq!(
        world().with("owner", root()).at("order.ship", OTHER),
        Reason::Role
    );
    assert_eq!(
        world()
            .with("all", root())
            .with("fast", root())
            .at("order.ship", OTHER),
        Reason::Role
    );
}

#[test]
fn an_entry_may_carry_an_approval_rule_of_its_own() {
    let world = world().with("strict", root());
    let decision = world.decide("order.edit", Target::Scope(OTHER));
    assert_eq!(decision.reason, Reason::ApprovalRequired);
    assert_eq!(decision.rule(&world.policy).unwrap().expires, None);
}

#[test]
fn an_approval_serves_its_subject_permission_target_and_digest_until_it_expires() {
    let base = || world().with("shipper", root());
    let approval = |world: &World| OpenApproval {
        id: ApprovalId::from_uuid(uuid::Uuid::from_u128(1)),
        permission: world.product.permission_no("order.ship").unwrap(),
        target: ApprovalTarget::Place(WORKSPACE),
        digest: None,
        bound: None,
        approved: true,
        expires_at: Some(Timestamp(NOW.0 + 1)),
    };
    let try_with = |change: &dyn Fn(&mut OpenApproval), digest: Option<&'static str>| {
        let mut world = base();
        let mut approval = approval(&world);
        change(&mut approval);
        world.set.approval(approval);
        world.digest = digest;
        world.decide("order.ship", Target::Scope(WORKSPACE))
    };
    let approved = try_with(&|_| {}, None);
    assert_eq!(
        (approved.outcome, approved.reason),
        (Outcome::Allow, Reason::Approved)
    );
    assert!(approved.approval.is_some());
    assert!(approved.rule(&base().policy).is_some());
    assert!(
        try_with(&|_| {}, Some("d")).is_allow(),
        "it is bound to no content"
    );
    assert!(try_with(&|a| a.digest = Some("d".into()), Some("d")).is_allow());
    assert!(!try_with(&|a| a.digest = Some("d".into()), Some("e")).is_allow());
    assert!(!try_with(&|a| a.digest = Some("d".into()), None).is_allow());
    assert!(!try_with(&|a| a.approved = false, None).is_allow());
    assert!(!try_with(&|a| a.expires_at = Some(NOW), None).is_allow());
    assert!(!try_with(&|a| a.target = ApprovalTarget::Place(OTHER), None).is_allow());
    assert!(!try_with(&|a| a.permission.0 += 1, None).is_allow());
    let mut without_role = world();
    without_role.set.approval(approval(&without_role));
    assert_eq!(
        without_role.at("order.ship", WORKSPACE),
        Reason::NoEntry,
        "it never outlives the role"
    );
}

#[test]
fn an_approval_that_binds_values_serves_while_they_are_as_they_were() {
    let mut world = world().with("strict", root());
    let (north, south) = (
        world.order_with(&json!({"region": "north"})),
        world.order_with(&json!({"region": "south", "channel": "mail"})),
    );
    let bound = bound_values(["region"].into_iter(), Some(&north)).unwrap();
    assert!(is_bound_to(&bound, Some(&north)) && !is_bound_to(&bound, Some(&south)));
    assert!(
        !is_bound_to(&bound, Some(&world.order())),
        "a missing value is another"
    );
    let edit = world.product.permission_no("order.edit").unwrap();
    let of = world.product.type_no("order").unwrap();
    let approval = |bound: Option<&str>| OpenApproval {
        id: ApprovalId::from_uuid(uuid::Uuid::from_u128(1)),
        permission: edit,
        target: ApprovalTarget::Resource(of, "o1".into()),
        digest: None,
        bound: bound.map(Into::into),
        approved: true,
        expires_at: None,
    };
    let unbound = {
        let mut world = world.with_set(|set| {
            set.approval(approval(None));
        });
        world.digest = Some("d");
        world.on("order.edit", &north)
    };
    assert_eq!(unbound, Reason::ApprovalRequired, "the rule binds more");
    world.set.approval(approval(Some(&bound)));
    assert_eq!(world.on("order.edit", &north), Reason::Approved);
    assert_eq!(world.on("order.edit", &south), Reason::ApprovalRequired);
    let planned = |known: &[&Resource]| {
        let made = world.ask(Target::Absent, |input| plan(input, edit, of, known));
        made.alternatives.iter().any(|one| one.only.is_some())
    };
    assert!(planned(&[&north]));
    assert!(!planned(&[&south]) && !planned(&[]));
}
