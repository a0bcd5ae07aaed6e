//! Names that go away and come back: what named them before gives nothing afterwards.

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_policy::{
    AccountPolicy, CustomRole, LevelOverlay, Numbers, Overlay, PermissionNo, Product, RoleNo, StoredGrant,
    StoredGrantTarget, StoredSubject, StoredTarget, compile,
    manifest::{AssignDecl, EntryDecl, RoleDecl, RoleLevelDecl, parse},
};
use bailiwick_types::Level;

use crate::world::root;

const WITH: &str = "
product: desk
subjects: {user: external}
types: {doc: {verbs: [view, send]}}
roles:
  clerk: {levels: {account: {permissions: [doc.view]}}}
  boss: {levels: {account: {permissions: ['*'], assigns: ['*']}}}
";

fn versions() -> Vec<(Arc<Product>, u32)> {
    let without = WITH
        .replace("view, send", "view")
        .replace("  clerk: {levels: {account: {permissions: [doc.view]}}}\n", "");
    let mut numbers = Numbers::default();
    let mut all = Vec::new();
    for text in [WITH, &without, WITH] {
        let (product, next) = compile(&parse(text).unwrap(), numbers).unwrap();
        numbers = next;
        let generation = product.generation();
        all.push((Arc::new(product), generation));
    }
    all
}

fn role(generation: u32) -> CustomRole {
    let at = RoleLevelDecl {
        permissions: vec![EntryDecl::plain("doc.send"), EntryDecl::plain("doc.view")],
        assigns: vec![AssignDecl::plain("clerk")],
    };
    CustomRole {
        no: RoleNo::FIRST_CUSTOM,
        name: "own".to_owned(),
        decl: RoleDecl {
            includes: vec!["clerk".to_owned()],
            levels: [(Level::Account, at)].into(),
            ..RoleDecl::default()
        },
        generation,
    }
}

fn policy(product: &Arc<Product>, generation: u32) -> AccountPolicy {
    let overlays = product.role_no("clerk").map(|role| Overlay {
        role,
        levels: [(
            Level::Account,
            LevelOverlay {
                add: vec![EntryDecl::plain("doc.send")],
                generation,
                ..LevelOverlay::default()
            },
        )]
        .into(),
    });
    let overlays = overlays.into_iter().collect();
    AccountPolicy::compile(
        Arc::clone(product),
        vec![role(generation)],
        overlays,
        BTreeMap::new(),
    )
}

fn granted(policy: &AccountPolicy, generation: u32) -> bool {
    let mut rows = StoredSubject::new("user:eve".parse().unwrap());
    rows.grants.push(StoredGrant {
        target: StoredGrantTarget::One(StoredTarget::Place(root())),
        permissions: vec!["doc.send".to_owned()],
        generation,
        expires_at: None,
        parameters: serde_json::Map::new(),
    });
    rows.set(policy).grants().next().is_some()
}

fn has(policy: &AccountPolicy, role: &str, permission: PermissionNo) -> bool {
    let role = policy.role_no(role).and_then(|no| policy.role(no)).unwrap();
    let at = role.level(Level::Account).unwrap();
    at.permissions().contains(permission)
}

#[test]
fn a_name_that_comes_back_revives_nothing_that_named_it_before() {
    let versions = versions();
    let generations: Vec<u32> = versions.iter().map(|(_, generation)| *generation).collect();
    assert_eq!(generations, [0, 0, 1]);
    let (first, last) = (&versions[0].0, &versions[2].0);
    let send = first.permission_no("doc.send").unwrap();
    let view = first.permission_no("doc.view").unwrap();
    assert_eq!(last.permission_no("doc.send"), Some(send));
    for (product, generation, counts) in [(first, 0, true), (last, 0, false), (last, 1, true)] {
        let policy = policy(product, generation);
        let what = format!("{generation} {counts}");
        assert_eq!(granted(&policy, generation), counts, "{what}");
        assert_eq!(has(&policy, "own", send), counts, "{what}");
        assert!(has(&policy, "own", view), "{what}");
        assert_eq!(has(&policy, "clerk", send), counts, "{what}");
        let own = policy.role(RoleNo::FIRST_CUSTOM).unwrap();
        let clerk = policy.role_no("clerk").unwrap();
        let assigns = own.level(Level::Account).unwrap().assigns().contains(clerk);
        assert_eq!(assigns, counts, "{what}");
    }
}

#[test]
fn a_role_that_is_stored_anew_leaves_out_what_gave_nothing() {
    let versions = versions();
    let last = &versions[2].0;
    let mut own = role(0);
    own.renew(last);
    assert_eq!(own.generation, 1);
    assert!(own.decl.includes.is_empty() && !own.decl.names("doc.send") && own.decl.names("doc.view"));
    let mut change = LevelOverlay {
        add: vec![EntryDecl::plain("doc.send")],
        ..LevelOverlay::default()
    };
    change.renew(last);
    assert!(change.add.is_empty());
}

#[test]
fn what_the_manifest_no_longer_has_can_be_taken_out_of_a_role_that_names_it() {
    let versions = versions();
    let policy = policy(&versions[1].0, 0);
    let change = |text: &str| policy.check_change(RoleNo::FIRST_CUSTOM, None, &[], &[text.to_owned()]);
    assert!(change("doc.send").is_empty());
    assert_eq!(change("doc.sent").len(), 1);
}

#[test]
fn attributes_that_conditions_read_and_whose_writer_is_not_named_are_told() {
    let manifest = |edit: &str| {
        format!(
            "
product: desk
types:
  doc:
    verbs: [view, edit, assign]
    attributes: {{assignee: {{type: subject{edit}}}, title: {{type: string}}}}
roles:
  clerk: {{levels: {{account: {{permissions: [{{permission: doc.view, when: resource.attr.assignee == subject.id}}]}}}}}}
"
        )
    };
    let warnings = |edit: &str| {
        let (product, _) = compile(&parse(&manifest(edit)).unwrap(), Numbers::default()).unwrap();
        product.warnings()
    };
    let told = warnings("");
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("types.doc.attributes.assignee: "), "{told:?}");
    assert!(warnings(", edit: assign").is_empty());
    let unknown = parse(&manifest(", edit: asign")).unwrap_err();
    assert!(format!("{unknown:?}").contains("asign"));
}
