//! Claims, versions and values.

use std::collections::BTreeMap;

use bailiwick_policy::{AccountPolicy, Level, Numbers, RoleNo, claims_of, compile, manifest::parse};
use serde_json::json;

use super::*;

#[test]
fn the_claims_of_a_role_are_those_of_its_entries() {
    let world = world();
    let decl = custom(0, "r", Level::Account, &["note.*", "order.view"], &[]).decl;
    let claims = claims_of(&world.product, Level::Account, &decl.levels[&Level::Account]).unwrap();
    assert_eq!(
        claims.iter().map(|claim| claim.pattern).collect::<Vec<_>>(),
        [world.one("note.*"), world.one("order.view")]
    );
    let bad = custom(0, "r", Level::Account, &["x.y"], &[]).decl;
    assert_eq!(
        claims_of(&world.product, Level::Account, &bad.levels[&Level::Account])
            .unwrap_err()
            .len(),
        1
    );
}

#[test]
fn numbers_stay_with_their_names_from_version_to_version() {
    let first = parse(
        "product: p\ntypes: {b: {verbs: [x, y]}}\nroles: {r: {levels: {account: {permissions: [b.x]}}}}",
    )
    .unwrap();
    let (_, one) = compile(&first, Numbers::default()).unwrap();
    let second = parse("product: p\ntypes: {a: {verbs: [z]}, b: {verbs: [w, y]}}\nroles: {q: {levels: {account: {permissions: [a.z]}}}}").unwrap();
    let (product, two) = compile(&second, one.clone()).unwrap();
    assert_eq!(two.permission("b.y"), one.permission("b.y"));
    assert_eq!(two.permission("b.x"), one.permission("b.x"), "kept, though gone");
    assert_eq!(product.permission_no("b.x"), None);
    assert_eq!(
        product
            .permission(one.permission("b.x").unwrap())
            .map(|info| info.no),
        None
    );
    let numbers: Vec<_> = ["b.x", "b.y", "a.z", "b.w"]
        .map(|name| two.permission(name).unwrap())
        .into();
    let distinct: std::collections::BTreeSet<_> = numbers.iter().collect();
    assert_eq!(distinct.len(), 4);
    assert_ne!(two.role("q"), two.role("r"));
    assert_eq!(
        (two.role("operator"), two.role("service")),
        (Some(RoleNo::OPERATOR), Some(RoleNo::SERVICE))
    );
    let (_, three) = compile(&first, two.clone()).unwrap();
    for name in ["b.x", "b.y", "a.z", "b.w"] {
        assert_eq!(
            three.permission(name),
            two.permission(name),
            "{name} has its old number"
        );
    }
    for role in ["q", "r"] {
        assert_eq!(three.role(role), two.role(role), "{role} has its old number");
    }
    let stored: Numbers = serde_json::from_value(serde_json::to_value(&two).unwrap()).unwrap();
    assert_eq!(stored, two);
}

#[test]
fn a_manifest_is_stored_and_compared() {
    let manifest = parse(MANIFEST).unwrap();
    let text = serde_json::to_string(&manifest).unwrap();
    let back: bailiwick_policy::manifest::Manifest = serde_json::from_str(&text).unwrap();
    assert_eq!(back, manifest);
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
    assert_eq!(manifest.diff(&back), []);
    let mut next = manifest.clone();
    next.roles.remove("guest");
    next.roles.get_mut("clerk").unwrap().title = Some("Seller".to_owned());
    next.settings.insert(
        "new".to_owned(),
        serde_json::from_value(json!({"type": "int"})).unwrap(),
    );
    let changes: Vec<_> = manifest
        .diff(&next)
        .into_iter()
        .map(|change| change.path)
        .collect();
    assert_eq!(changes, ["roles.clerk.title", "roles.guest", "settings.new"]);
}

#[test]
fn the_suites_own_manifest_compiles() {
    let (product, _) = compile(&bailiwick_policy::manifest::deployment(), Numbers::default()).unwrap();
    let operator = product.role(RoleNo::OPERATOR).unwrap();
    let may = operator.level(Level::Deployment).unwrap().unconditional();
    assert!(product.permissions().all(|info| may.contains(info.no)));
    assert!(operator.level(Level::Account).is_none());
}

#[test]
fn values_are_read_as_the_manifest_declares_them() {
    let world = world();
    let order = world.product.type_no("order").unwrap();
    let view = world.product.permission_no("order.view").unwrap();
    let given = json!({"region": "north", "channel": "web", "other": 1});
    let faults = world
        .product
        .attributes(order, given.as_object().unwrap())
        .unwrap_err();
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`other` is not declared"]
    );
    let faults = world
        .product
        .request_values(view, Some(order), json!({"chanel": "web"}).as_object().unwrap())
        .unwrap_err();
    assert_eq!(
        faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["`chanel` is not declared; did you mean `channel`?"]
    );
    let given = json!({"region": "north", "channel": "web"});
    let request = world
        .product
        .request_values(view, Some(order), given.as_object().unwrap())
        .unwrap()
        .attributes;
    assert_eq!(
        request.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["channel"],
        "the rest is left out"
    );
    let null = json!({"channel": null, "region": null});
    let null = null.as_object().unwrap();
    let read = world.product.request_values(view, Some(order), null).unwrap();
    assert_eq!(read.attributes.iter().count(), 0, "null is no value");
    let read = world.product.attributes(order, null).unwrap();
    assert_eq!(read.iter().count(), 0, "null is no value");
    let undeclared = json!({"other": null});
    assert!(
        world
            .product
            .attributes(order, undeclared.as_object().unwrap())
            .is_err()
    );
    let wrong = json!({"channel": 3});
    assert!(
        world
            .product
            .request_values(view, Some(order), wrong.as_object().unwrap())
            .is_err()
    );
    let long = json!({"channel": "x".repeat(5_000)});
    assert!(
        world
            .product
            .request_values(view, Some(order), long.as_object().unwrap())
            .is_err()
    );
    assert_eq!(world.policy.setting("ask"), Some(&json!(true)));
    assert_eq!(
        AccountPolicy::compile(world.product, vec![], vec![], BTreeMap::new()).setting("nothing"),
        None
    );
}
