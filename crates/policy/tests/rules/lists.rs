//! The suite's own roles, explanations and lists.

use bailiwick_policy::{
    Audience, PlaceId, PlaceState, Reason, Resource, RoleNo, Target, may_assign, permissions_held,
    scopes_held, suite_holds,
};

use super::*;

#[test]
fn the_operator_counts_for_the_suite_alone_and_whatever_the_state() {
    let mut world = world().for_subject("user:op");
    world.set.bind(RoleNo::OPERATOR, PlaceId::DEPLOYMENT, None, None);
    assert_eq!(
        world.at("account.delete", root()),
        Reason::NotAMember,
        "a product's decision"
    );
    world.audience = Audience::Suite;
    world.places.set_state(root(), PlaceState::Suspended).unwrap();
    assert_eq!(world.at("account.delete", root()), Reason::Role);
    assert_eq!(
        world.at("order.edit", WORKSPACE),
        Reason::Role,
        "it edits resources of every type"
    );
    assert_eq!(
        world.at("order.ship", WORKSPACE),
        Reason::AccountSuspended,
        "but does not use them"
    );
    assert!(world.ask(Target::Scope(WORKSPACE), |input| may_assign(
        input,
        input.policy.role_no("clerk").unwrap()
    )));
    world.disabled = true;
    assert_eq!(world.at("account.delete", root()), Reason::SubjectDisabled);
}

#[test]
fn a_service_of_the_product_asks_for_decisions() {
    let mut world = world().for_subject("service:api");
    world.set.bind(RoleNo::SERVICE, PlaceId::PRODUCT, None, None);
    assert_eq!(world.at("decision.check", root()), Reason::Role);
    assert_eq!(world.at("order.view", root()), Reason::NoEntry);
    let set = world.set.clone().build();
    let check = world.product.permission_no("decision.check").unwrap();
    assert!(suite_holds(
        &world.product,
        &[&set],
        check,
        Audience::Product,
        NOW
    ));
    assert!(!suite_holds(&world.product, &[], check, Audience::Product, NOW));
}

#[test]
fn a_listing_tells_apart_what_is_held_and_what_depends() {
    let world = world()
        .with("own", root())
        .with("shipper", root())
        .with("clerk", root());
    let found = world.ask(Target::Scope(WORKSPACE), permissions_held);
    let names = |bits: &bailiwick_policy::PermissionBits| {
        let name = |no| world.product.permission(no).unwrap().name.to_string();
        bits.iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&found.allowed), ["basket.view", "order.view"]);
    assert_eq!(names(&found.held), ["basket.view", "order.view"]);
    assert_eq!(names(&found.needs_approval), ["order.ship"]);
    assert_eq!(names(&found.undecided), ["order.edit", "order.approve"]);
    let mine = Resource {
        owner: Some("user:ann".parse().unwrap()),
        ..world.order()
    };
    let found = world.ask(Target::Resource(&[&mine]), permissions_held);
    assert_eq!(
        names(&found.allowed),
        ["order.view", "order.edit", "order.approve"],
        "only what is asked on orders"
    );
    assert_eq!(names(&found.held), ["order.view"]);
}

#[test]
fn scopes_are_listed_with_those_below_and_without_default_roles() {
    let world = world().with("all", INSTANCE);
    let scopes = |permission: Option<&str>| {
        let no = permission.map(|name| world.product.permission_no(name).unwrap());
        world.ask(Target::Absent, |input| scopes_held(input, no))
    };
    assert_eq!(scopes(None), [INSTANCE, WORKSPACE]);
    assert_eq!(scopes(Some("order.view")), [INSTANCE, WORKSPACE]);
    assert_eq!(
        scopes(Some("basket.view")),
        [INSTANCE, WORKSPACE, OTHER, root()],
        "everybody may"
    );
    let at_leaf = self::world().with("clerk", WORKSPACE);
    assert_eq!(
        at_leaf.ask(Target::Absent, |input| scopes_held(input, None)),
        [WORKSPACE]
    );
    let mut suspended = at_leaf;
    suspended
        .places
        .set_state(INSTANCE, PlaceState::Suspended)
        .unwrap();
    assert_eq!(
        suspended.ask(Target::Absent, |input| scopes_held(input, None)),
        []
    );
}
