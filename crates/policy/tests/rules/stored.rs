//! Stored rows and what becomes of them: values that do not fit, roles by number or name, other schemas.

use bailiwick_policy::{
    Attributes, CustomRole, DecisionInput, Level, LevelOverlay, Numbers, Overlay, PermissionSet, Reason,
    Resource, RoleNo, StoredBinding, StoredGrant, StoredGrantTarget, StoredResource, StoredSubject,
    StoredTarget, Target, Values, compile, decide,
    manifest::{EntryDecl, parse},
};
use serde_json::{Map, Value as Json, json};

use super::*;

fn map(json: Json) -> Map<String, Json> {
    let Json::Object(map) = json else {
        panic!("{json} is no object")
    };
    map
}

fn rows(world: &World) -> StoredSubject {
    StoredSubject {
        member: Some(agent()),
        ..StoredSubject::new(world.subject.clone())
    }
}

fn binding(role: &str, number: Option<RoleNo>, parameters: Json) -> StoredBinding {
    StoredBinding {
        role: role.to_owned(),
        number,
        level: Level::Account,
        place: root(),
        expires_at: None,
        parameters: map(parameters),
    }
}

fn bound(world: &World, role: &str, number: Option<RoleNo>, parameters: Json) -> StoredSubject {
    StoredSubject {
        bindings: vec![binding(role, number, parameters)],
        ..rows(world)
    }
}

fn granted(world: &World, permission: &str, parameters: Json) -> StoredSubject {
    let grant = StoredGrant {
        target: StoredGrantTarget::One(StoredTarget::Place(root())),
        permissions: vec![permission.to_owned()],
        generation: 0,
        expires_at: None,
        parameters: map(parameters),
    };
    StoredSubject {
        grants: vec![grant],
        ..rows(world)
    }
}

/// Decides by a set that is in the place of the world's own.
fn reason(world: &World, set: &PermissionSet, permission: &str, order: &Resource) -> Reason {
    let no = world.product.permission_no(permission).unwrap();
    world.ask(Target::Resource(&[order]), |input| {
        let input = DecisionInput {
            sets: &[set],
            ..*input
        };
        decide(&input, no).reason
    })
}

/// A role of the account that gives `order.view` under a condition.
fn conditional(when: &str) -> CustomRole {
    let mut role = custom(0, "regional", Level::Account, &[], &[]);
    role.decl.levels.get_mut(&Level::Account).unwrap().permissions = vec![entry(when)];
    role
}

fn entry(when: &str) -> EntryDecl {
    EntryDecl {
        when: Some(when.to_owned()),
        ..EntryDecl::plain("order.view")
    }
}

#[test]
fn parameters_of_bindings_are_typed_value_by_value() {
    let world = world();
    let order = world.order_with(&json!({"region": "north"}));
    for (parameters, expected) in [
        (json!({"regions": ["north"]}), Reason::Role),
        (json!({"regions": ["south"]}), Reason::ConditionFalse),
        // Once dropped as a whole for the sake of the other value.
        (json!({"regions": ["north"], "other": 1}), Reason::Role),
        (json!({"regions": ["north"], "other": {"a": null}}), Reason::Role),
        (json!({"regions": "north"}), Reason::ConditionUndecided),
        (json!({"regions": ["north", 3]}), Reason::ConditionUndecided),
        (json!({"regions": null}), Reason::ConditionUndecided),
        (json!({"region": ["north"]}), Reason::ConditionUndecided),
        (json!({}), Reason::ConditionUndecided),
    ] {
        let set = bound(&world, "local", None, parameters.clone()).set(&world.policy);
        assert_eq!(
            reason(&world, &set, "order.view", &order),
            expected,
            "{parameters}"
        );
    }
}

#[test]
fn a_grant_whose_parameters_do_not_fit_never_becomes_unconditional() {
    let world = world();
    let order = world.order_with(&json!({"region": "north"}));
    for (permission, parameters, expected) in [
        ("order.view", json!({}), Reason::ConditionUndecided),
        ("order.view", json!({"regions": ["north"]}), Reason::Grant),
        (
            "order.view",
            json!({"regions": ["north"], "other": 1}),
            Reason::Grant,
        ),
        // All of these once left no parameters and gave without a condition.
        ("order.view", json!({"regions": 7}), Reason::ConditionUndecided),
        ("order.view", json!({"regions": null}), Reason::ConditionUndecided),
        (
            "order.view",
            json!({"other": {"a": 1}}),
            Reason::ConditionUndecided,
        ),
        // The parameters are for what editing implies.
        ("order.edit", json!({"regions": ["north"]}), Reason::Grant),
        (
            "order.ship",
            json!({"regions": ["north"]}),
            Reason::ConditionUndecided,
        ),
    ] {
        let rows = granted(&world, permission, parameters.clone());
        let set = rows.set(&world.policy);
        let decided = reason(&world, &set, permission, &order);
        assert_eq!(decided, expected, "{permission} {parameters}");
    }
}

#[test]
fn a_set_that_is_not_typed_gives_nothing_by_its_parameters() {
    let world = world();
    let order = world.order_with(&json!({"region": "north"}));
    let given = json!({"regions": ["north"]});
    for rows in [
        granted(&world, "order.view", given.clone()),
        bound(&world, "local", None, given),
    ] {
        let set = PermissionSet::decode(&rows.set(&world.policy).encode()).unwrap();
        assert!(!set.is_typed_for(&world.policy));
        let untyped = reason(&world, &set, "order.view", &order);
        assert_eq!(untyped, Reason::ConditionUndecided);
    }
    let plain = bound(&world, "clerk", None, json!({})).set(&world.policy);
    assert!(
        PermissionSet::decode(&plain.encode())
            .unwrap()
            .is_typed_for(&world.policy)
    );
}

#[test]
fn an_own_role_is_found_by_its_number_and_a_role_of_the_product_by_its_name() {
    let mut world = world();
    // The product came to have a role of that name after the account had defined its own.
    let own = custom(0, "clerk", Level::Account, &["note.edit"], &[]);
    world.policy = policy(&world.product, vec![own.clone()], vec![], true);
    let held = |number: Option<RoleNo>, role: &str| {
        let set = bound(&world, role, number, json!({})).set(&world.policy);
        let order = world.order();
        ["note.edit", "order.view"].map(|name| reason(&world, &set, name, &order) == Reason::Role)
    };
    assert_eq!(held(Some(own.no), "clerk"), [true, false], "the account's own");
    assert_eq!(held(None, "clerk"), [false, true], "the product's");
    assert_eq!(
        held(Some(RoleNo(own.no.0 + 1)), "clerk"),
        [false, false],
        "unknown yet"
    );
    assert_eq!(
        held(Some(RoleNo(3)), "gone"),
        [false, false],
        "no number of an own role"
    );
    assert_eq!(
        world.policy.role_no("clerk"),
        Some(own.no),
        "as names are found elsewhere"
    );
}

#[test]
fn a_role_that_the_policy_does_not_know_yet_gives_once_it_does() {
    let mut world = world();
    let role = conditional("resource.attr.region in grant.regions");
    let rows = bound(&world, "regional", Some(role.no), json!({"regions": ["north"]}));
    let order = world.order_with(&json!({"region": "north"}));
    let set = rows.set(&world.policy);
    assert_eq!(reason(&world, &set, "order.view", &order), Reason::NoEntry);
    world.policy = policy(&world.product, vec![role], vec![], true);
    assert!(!set.is_typed_for(&world.policy));
    let set = set.retype(&world.policy);
    assert_eq!(reason(&world, &set, "order.view", &order), Reason::Role);
}

#[test]
fn a_set_that_was_read_under_another_policy_answers_as_one_that_is_read_anew() {
    let mut world = world();
    let own = RoleNo(RoleNo::FIRST_CUSTOM.0);
    let clerk = world.product.role_no("clerk").unwrap();
    let overlaid = |when: &str| {
        let change = LevelOverlay {
            add: vec![entry(when)],
            remove: vec!["order.view".to_owned()],
            generation: 0,
        };
        let levels = [(Level::Account, change)].into();
        vec![Overlay { role: clerk, levels }]
    };
    let texts = "resource.attr.region in grant.of";
    let subjects = "resource.owner in grant.of";
    let text = "resource.attr.region == grant.of";
    let policies = |world: &World| {
        let all = [texts, subjects, text];
        let roles = all.map(|when| policy(&world.product, vec![conditional(when)], vec![], true));
        let overlays = all.map(|when| policy(&world.product, vec![], overlaid(when), true));
        roles.into_iter().chain(overlays).collect::<Vec<_>>()
    };
    let policies = policies(&world);
    let mut orders = Vec::new();
    for region in ["ann", "user:ann", "north"] {
        let order = world.order_with(&json!({"region": region}));
        let owner = Some(world.subject.clone());
        orders.extend([
            Resource {
                owner,
                ..order.clone()
            },
            order,
        ]);
    }
    let mut seen = std::collections::BTreeSet::new();
    for of in [
        json!(["ann", "user:ann"]),
        json!(["north"]),
        json!("ann"),
        json!(3),
    ] {
        let parameters = json!({"of": of, "more": 1});
        let rows = StoredSubject {
            bindings: vec![
                binding("regional", Some(own), parameters.clone()),
                binding("clerk", None, parameters),
            ],
            ..rows(&world)
        };
        for written in &policies {
            let bytes = rows.clone().set(written).encode();
            for read in &policies {
                world.policy = read.clone();
                let fresh = rows.clone().set(read);
                assert_eq!(
                    bytes,
                    fresh.encode(),
                    "what is cached does not depend on the policy"
                );
                let cached = PermissionSet::decode(&bytes).unwrap().retype(read);
                let kept = rows.clone().set(written);
                assert_eq!(kept.is_typed_for(read), written.schema() == read.schema());
                let kept = if kept.is_typed_for(read) {
                    kept
                } else {
                    kept.retype(read)
                };
                for order in &orders {
                    let expected = reason(&world, &fresh, "order.view", order);
                    assert_eq!(reason(&world, &cached, "order.view", order), expected);
                    assert_eq!(reason(&world, &kept, "order.view", order), expected);
                    seen.insert(format!("{expected:?}"));
                }
            }
        }
    }
    assert_eq!(seen.len(), 3, "the cases differ: {seen:?}");
}

#[test]
fn a_schema_depends_on_declared_types_alone() {
    let world = world();
    let of = |when| policy(&world.product, vec![conditional(when)], vec![], true).schema();
    let texts = of("resource.attr.region in grant.of");
    assert_eq!(
        texts,
        of("resource.attr.region in grant.of && now > \"2020-01-01T00:00:00Z\"")
    );
    assert_ne!(texts, of("resource.owner in grant.of"), "another type");
    assert_ne!(texts, of("resource.attr.region in grant.other"), "another name");
    assert_ne!(texts, world.policy.schema());
    let (again, _) = compile(&parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
    assert_eq!(again.schema(), world.product.schema());
    let other = MANIFEST.replace(
        "region: {type: string}",
        "region: {type: string}, weight: {type: int}",
    );
    let (other, _) = compile(&parse(&other).unwrap(), Numbers::default()).unwrap();
    assert_ne!(other.schema(), world.product.schema());
}

#[test]
fn attributes_of_resources_are_typed_value_by_value_and_kept_for_a_later_manifest() {
    let world = world();
    let row = StoredResource {
        type_name: "order".to_owned(),
        id: "o1".to_owned(),
        place: WORKSPACE,
        owner: None,
        parent: Some(("gone".to_owned(), "x".to_owned())),
        attributes: map(json!({"region": "north", "channel": 7, "weight": 12})),
        registered: 5,
    };
    let order = row.clone().resource(&world.product).unwrap();
    let names =
        |order: &Resource| ["region", "channel", "weight"].map(|name| order.attributes.get(name).is_some());
    assert_eq!(names(&order), [true, false, false]);
    assert_eq!(order.parent, None);
    let later = MANIFEST.replace(
        "region: {type: string}, channel: {type: string, from: request}",
        "region: {type: int}, channel: {type: int}, weight: {type: int}",
    );
    let later = later.replace("in grant.regions", "in grant.numbers");
    let (later, _) = compile(&parse(&later).unwrap(), Numbers::default()).unwrap();
    assert!(!order.is_typed_for(&later));
    let cached = Resource::decode(&order.encode()).unwrap().unwrap();
    assert!(!cached.is_typed_for(&world.product));
    assert_eq!(cached.clone().retype(&world.product), order);
    let fresh = row.clone().resource(&later).unwrap();
    assert_eq!(
        (cached.retype(&later), order.retype(&later)),
        (fresh.clone(), fresh.clone())
    );
    assert_eq!(names(&fresh), [false, true, true]);
    let gone = StoredResource {
        type_name: "gone".to_owned(),
        ..row
    };
    assert_eq!(gone.resource(&world.product), None);
}

#[test]
fn a_request_does_not_replace_a_stored_attribute_that_does_not_fit() {
    let mut world = world();
    let role = conditional("resource.attr.channel == \"web\"");
    world.policy = policy(&world.product, vec![role.clone()], vec![], true);
    world.attributes = Values::from_iter([("channel", bailiwick_policy::Value::Text("web".into()))]);
    let set = bound(&world, "regional", Some(role.no), json!({})).set(&world.policy);
    for (stored, expected) in [
        (json!({}), Reason::Role),
        (json!({"channel": "web"}), Reason::Role),
        (json!({"channel": "shop"}), Reason::ConditionFalse),
        (json!({"channel": 7}), Reason::ConditionUndecided),
        (json!({"channel": null}), Reason::ConditionUndecided),
    ] {
        let order = world.order_with(&stored);
        assert_eq!(reason(&world, &set, "order.view", &order), expected, "{stored}");
    }
    assert_eq!(Attributes::default(), Attributes::stored(&Map::new()));
}
