//! Grants and conditions.

use bailiwick_policy::{Level, Reason, Resource, Target, TypeGrantReach};
use serde_json::json;

use super::*;

#[test]
fn a_grant_counts_on_its_resource_and_on_those_below_it() {
    let mut world = world();
    let permission = world.one("order.edit");
    let of = world.product.type_no("order").unwrap();
    world.set.grant_resource(of, "o1", [permission], None, None);
    let order = world.order();
    let child = Resource {
        id: "o2".into(),
        parent: Some((of, "o1".into())),
        ..world.order()
    };
    assert_eq!(world.on("order.view", &order), Reason::Grant);
    assert_eq!(
        world.on("order.view", &child),
        Reason::NoEntry,
        "the parent was not looked up"
    );
    assert_eq!(
        world
            .decide("order.view", Target::Resource(&[&child, &order]))
            .reason,
        Reason::Grant
    );
    assert_eq!(world.at("order.view", WORKSPACE), Reason::NoEntry);
}

#[test]
fn a_grant_on_a_scope_counts_for_everything_under_it() {
    let mut world = world();
    let permission = world.one("order.view");
    world.set.grant_scope(INSTANCE, [permission], None, None);
    assert_eq!(world.at("order.view", INSTANCE), Reason::Grant);
    assert_eq!(world.on("order.view", &world.order()), Reason::Grant);
    assert_eq!(world.at("order.view", OTHER), Reason::NoEntry);
}

#[test]
fn a_grant_on_a_type_covers_by_revision_of_registration() {
    let of = |world: &World| world.product.type_no("order").unwrap();
    for (reach, at_5, at_6) in [
        (TypeGrantReach::All, true, true),
        (TypeGrantReach::Existing(5), true, false),
        (TypeGrantReach::Future(5), false, true),
    ] {
        let mut world = world();
        let permission = world.one("order.view");
        world
            .set
            .grant_type(of(&world), root(), reach, [permission], None, None);
        let newer = Resource {
            registered: 6,
            ..world.order()
        };
        assert_eq!(
            world.on("order.view", &world.order()) == Reason::Grant,
            at_5,
            "{reach:?}"
        );
        assert_eq!(world.on("order.view", &newer) == Reason::Grant, at_6, "{reach:?}");
        assert_eq!(
            world.at("order.view", root()),
            Reason::NoEntry,
            "a type is not a scope"
        );
    }
}

#[test]
fn a_grant_with_parameters_follows_the_condition_of_its_type() {
    let mut world = world();
    let regions = json!({"regions": ["north"]});
    let view = world.product.permission_no("order.view").unwrap();
    let parameters = regions.as_object().unwrap();
    world.product.grant_parameters([view], parameters).unwrap();
    let permission = world.one("order.view");
    world
        .set
        .grant_scope(root(), [permission], None, Some(parameters));
    let order = world.order_with(&json!({"region": "north"}));
    let south = world.order_with(&json!({"region": "south"}));
    assert_eq!(world.on("order.view", &order), Reason::Grant);
    assert_eq!(world.on("order.view", &south), Reason::ConditionFalse);
    assert_eq!(world.on("order.view", &world.order()), Reason::ConditionUndecided);
    let edit = world.product.permission_no("order.edit").unwrap();
    assert!(
        world
            .product
            .grant_parameters([edit], regions.as_object().unwrap())
            .is_err(),
        "nothing looks at them"
    );
    let permission = world.one("order.edit");
    world.set.grant_scope(OTHER, [permission], None, Some(parameters));
    assert_eq!(
        world.at("order.edit", OTHER),
        Reason::ConditionUndecided,
        "never more than was meant"
    );
}

#[test]
fn conditions_look_at_owner_and_parameters() {
    let mut world = world().with("own", root());
    let mine = Resource {
        owner: Some("user:ann".parse().unwrap()),
        ..world.order()
    };
    let hers = Resource {
        owner: Some("user:eve".parse().unwrap()),
        ..world.order()
    };
    let service = Resource {
        owner: Some("service:ann".parse().unwrap()),
        ..world.order()
    };
    assert_eq!(world.on("order.edit", &mine), Reason::Role);
    assert_eq!(world.on("order.edit", &hers), Reason::ConditionFalse);
    assert_eq!(
        world.on("order.edit", &service),
        Reason::ConditionFalse,
        "ids equal only within their type"
    );
    assert_eq!(world.on("order.edit", &world.order()), Reason::ConditionUndecided);
    let local = world.policy.role_no("local").unwrap();
    let at = world.policy.role(local).unwrap().level(Level::Account).unwrap();
    let north = json!({"regions": ["north"]});
    let parameters = north.as_object().unwrap();
    at.read_parameters(parameters).unwrap();
    assert!(
        at.read_parameters(json!({"region": ["north"]}).as_object().unwrap())
            .is_err()
    );
    assert!(
        at.read_parameters(json!({"regions": "north"}).as_object().unwrap())
            .is_err()
    );
    world
        .set
        .bind(local, root(), None, Some((Level::Account, parameters)));
    let order = world.order_with(&json!({"region": "north"}));
    assert_eq!(world.on("order.view", &order), Reason::Role);
}
