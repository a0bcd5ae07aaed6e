//! Grants and conditions.

use bailiwick_policy::{
    Claim, Level, Pattern, Reason, Resource, Target, TypeGrantReach, Value, ValueFault, Values, holds,
    within_own,
};
use serde_json::{Value as Json, json};

use super::*;

#[test]
fn a_grant_counts_on_its_resource_and_on_those_below_it() {
    let mut world = world();
    let permission = world.one("note.edit");
    let of = world.product.type_no("order").unwrap();
    world.set.grant_resource(of, "o1", [permission], None, None);
    let order = world.order();
    let child = Resource {
        id: "o2".into(),
        parent: Some((of, "o1".into())),
        ..world.order()
    };
    assert_eq!(world.on("note.view", &order), Reason::Grant);
    assert_eq!(
        world.on("note.view", &child),
        Reason::NoEntry,
        "the parent was not looked up"
    );
    assert_eq!(
        world
            .decide("note.view", Target::Resource(&[&child, &order]))
            .reason,
        Reason::Grant
    );
    assert_eq!(world.at("note.view", WORKSPACE), Reason::NoEntry);
}

#[test]
fn a_grant_on_a_scope_counts_for_everything_under_it() {
    let mut world = world();
    let permission = world.one("note.view");
    world.set.grant_scope(INSTANCE, [permission], None, None);
    assert_eq!(world.at("note.view", INSTANCE), Reason::Grant);
    assert_eq!(world.on("note.view", &world.order()), Reason::Grant);
    assert_eq!(world.at("note.view", OTHER), Reason::NoEntry);
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
        let permission = world.one("note.view");
        world
            .set
            .grant_type(of(&world), root(), reach, [permission], None, None);
        let newer = Resource {
            registered: 6,
            ..world.order()
        };
        assert_eq!(
            world.on("note.view", &world.order()) == Reason::Grant,
            at_5,
            "{reach:?}"
        );
        assert_eq!(world.on("note.view", &newer) == Reason::Grant, at_6, "{reach:?}");
        assert_eq!(
            world.at("note.view", root()),
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
    world
        .product
        .grant_parameters(&[Pattern::One(view)], parameters)
        .unwrap();
    let permission = world.one("order.view");
    world
        .set
        .grant_scope(root(), [permission], None, Some(parameters));
    let order = world.order_with(&json!({"region": "north"}));
    let south = world.order_with(&json!({"region": "south"}));
    assert_eq!(world.on("order.view", &order), Reason::Grant);
    assert_eq!(world.on("order.view", &south), Reason::ConditionFalse);
    assert_eq!(world.on("order.view", &world.order()), Reason::ConditionUndecided);
    let ship = world.product.permission_no("order.ship").unwrap();
    assert!(
        world
            .product
            .grant_parameters(&[Pattern::One(ship)], regions.as_object().unwrap())
            .is_err(),
        "nothing looks at them"
    );
    let permission = world.one("order.ship");
    world.set.grant_scope(OTHER, [permission], None, Some(parameters));
    assert_eq!(
        world.at("order.ship", OTHER),
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

fn bill(world: &World, attributes: &Json) -> Resource {
    Resource {
        type_no: world.product.type_no("bill").unwrap(),
        ..world.order_with(attributes)
    }
    .retype(&world.product)
}

#[test]
fn a_grant_without_the_parameter_is_never_unconditional() {
    let mut world = world();
    let all = world.one("bill.*");
    world.set.grant_scope(root(), [all], None, None);
    let north = bill(&world, &json!({"region": "north", "amount": 1}));
    assert_eq!(world.on("bill.view", &north), Reason::ConditionUndecided);
    assert_eq!(world.on("bill.pay", &north), Reason::ConditionUndecided);
    assert_eq!(
        world.on("bill.print", &north),
        Reason::Grant,
        "nothing is asked of it"
    );
    let held = |permission: &str| {
        let claim = Claim::permission(world.product.permission_no(permission).unwrap());
        world.ask(Target::Scope(root()), |input| holds(input, &claim))
    };
    assert!(
        !held("bill.view") && !held("bill.print"),
        "printing implies viewing"
    );
    let claim = Claim::pattern(all, Level::Account);
    assert!(!world.ask(Target::Scope(root()), |input| holds(input, &claim)));
}

#[test]
fn what_is_implied_by_a_grant_has_a_condition_of_its_own_too() {
    let mut world = world();
    let pay = world.one("bill.pay");
    let parameters = json!({"limit": 10, "regions": ["north"]});
    let parameters = parameters.as_object().unwrap();
    world.product.grant_parameters(&[pay], parameters).unwrap();
    world.set.grant_scope(root(), [pay], None, Some(parameters));
    for (attributes, view, pay) in [
        (
            json!({"region": "north", "amount": 10}),
            Reason::Grant,
            Reason::Grant,
        ),
        (
            json!({"region": "south", "amount": 10}),
            Reason::ConditionFalse,
            Reason::Grant,
        ),
        (
            json!({"region": "north", "amount": 11}),
            Reason::ConditionFalse,
            Reason::ConditionFalse,
        ),
        (json!({"amount": 10}), Reason::ConditionUndecided, Reason::Grant),
    ] {
        let bill = bill(&world, &attributes);
        assert_eq!(world.on("bill.view", &bill), view, "{attributes}");
        assert_eq!(world.on("bill.pay", &bill), pay, "{attributes}");
    }
}

#[test]
fn parameters_are_required_and_bounded_as_they_are_declared() {
    let world = world();
    let grant = |patterns: &[&str], given: Json| {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| world.one(text)).collect();
        let read = world
            .product
            .grant_parameters(&patterns, given.as_object().unwrap());
        read.err().unwrap_or_default()
    };
    let missing = |name: &str| ValueFault::Missing(name.to_owned());
    // Nothing declares the regions: what a condition reads is required.
    assert_eq!(grant(&["bill.view"], json!({})), [missing("regions")]);
    assert_eq!(grant(&["bill.print"], json!({"regions": null})).len(), 2);
    assert_eq!(
        grant(&["bill.pay"], json!({})),
        [missing("limit"), missing("regions")]
    );
    assert_eq!(
        grant(&["bill.*"], json!({"regions": ["north"]})),
        [missing("limit")]
    );
    assert_eq!(grant(&["*"], json!({})), [], "it gives all that asks for none");
    assert_eq!(grant(&["*"], json!({"limit": 101})).len(), 1);
    assert_eq!(grant(&["bill.pay"], json!({"regions": [], "limit": 100})), []);
    let beyond = |max| ValueFault::Beyond {
        name: "limit".to_owned(),
        max,
    };
    assert_eq!(
        grant(&["bill.pay"], json!({"regions": [], "limit": 101})),
        [beyond(100)]
    );
    assert_eq!(
        grant(&["bill.pay"], json!({"regions": [], "limit": 1, "note": "x"})),
        [ValueFault::Undeclared("note".to_owned())],
        "no condition looks at it"
    );
    let bind = |role: &str, given: Json| {
        let role = world.policy.role(world.policy.role_no(role).unwrap()).unwrap();
        let at = role.level(Level::Account).unwrap();
        at.read_parameters(given.as_object().unwrap())
            .err()
            .unwrap_or_default()
    };
    assert_eq!(bind("payer", json!({})), [missing("limit")]);
    assert_eq!(bind("payer", json!({"limit": 500, "note": "abc"})), []);
    assert_eq!(bind("payer", json!({"limit": 501, "note": "abcd"})).len(), 2);
    assert_eq!(
        bind("cashier", json!({"limit": 51})),
        [beyond(50)],
        "the stricter of both"
    );
    assert_eq!(bind("cashier", json!({})), [missing("limit")]);
    assert_eq!(bind("local", json!({})), [missing("regions")]);
}

#[test]
fn parameters_within_the_givers_own_are_not_beyond_them() {
    let ask = |world: &World, limit: i64| {
        let given: Values = [("limit", Value::Int(limit))].into_iter().collect();
        let payer = world.policy.role_no("payer").unwrap();
        world.ask(Target::Scope(root()), |input| within_own(input, payer, &given))
    };
    let mut giver = world();
    let cashier = giver.policy.role_no("cashier").unwrap();
    let own = json!({"limit": 40});
    giver.set.bind(
        cashier,
        root(),
        None,
        Some((Level::Account, own.as_object().unwrap())),
    );
    assert!(ask(&giver, 40));
    assert!(!ask(&giver, 41));
    assert!(!ask(&world(), 1), "who has none gives none");
    assert!(
        ask(&world().with("owner", root()), 500),
        "who is not bounded gives any"
    );
}
