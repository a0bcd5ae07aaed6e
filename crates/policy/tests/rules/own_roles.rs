//! An account's own roles and overlays.

use bailiwick_policy::{
    Level, LevelOverlay, Overlay, PermissionSetBuilder, Reason, RoleNo, Target, could_assign, holds_role,
    manifest::{EntryDecl, Holders},
    may_assign,
};

use super::*;

#[test]
fn an_accounts_own_role_is_assigned_by_who_defines_roles_there_and_holds_all_of_it() {
    let mut world = world().with("definer", root());
    let roles = vec![
        custom(
            0,
            "notes",
            Level::Workspace,
            &["note.*", "order.view"],
            &["clerk"],
        ),
        custom(1, "more", Level::Workspace, &["note.view", "order.approve"], &[]),
        custom(2, "wider", Level::Workspace, &["note.view"], &["lead"]),
        custom(3, "ring", Level::Workspace, &["note.view"], &["ring"]),
    ];
    world.policy = policy(&world.product, roles, vec![], true);
    let may = |world: &World, role: &str, place| {
        let no = world.policy.role_no(role).unwrap();
        world.ask(Target::Scope(place), |input| may_assign(input, no))
    };
    assert!(may(&world, "notes", WORKSPACE));
    assert!(!may(&world, "notes", root()), "it cannot be bound there");
    assert!(!may(&world, "more", WORKSPACE), "it has what the definer lacks");
    assert!(
        !may(&world, "wider", WORKSPACE),
        "it assigns what the definer does not"
    );
    assert!(may(&world, "ring", WORKSPACE));
    let could = |role: &str| {
        let no = world.policy.role_no(role).unwrap();
        world.ask(Target::Scope(root()), |input| could_assign(input, no))
    };
    assert!(could("notes") && !could("more") && could("clerk") && !could("lead"));
    let notes = world.policy.role(world.policy.role_no("notes").unwrap()).unwrap();
    assert!(world.ask(Target::Scope(root()), |input| holds_role(
        input,
        notes,
        Level::Workspace
    )));
    world.set = PermissionSetBuilder::new(world.subject.clone());
    world.set.member(agent());
    let owner_less = world.with("most", root());
    assert!(!may(&owner_less, "notes", WORKSPACE), "it holds no note.*");
}

#[test]
fn an_own_role_gives_and_includes_what_it_says() {
    let mut world = world();
    let mut role = custom(0, "helper", Level::Workspace, &["note.edit"], &[]);
    role.decl.includes.push("clerk".to_owned());
    world.policy = policy(&world.product, vec![role], vec![], true);
    let world = world.with("helper", WORKSPACE);
    assert_eq!(world.at("note.view", WORKSPACE), Reason::Role);
    assert_eq!(world.at("order.edit", WORKSPACE), Reason::Role);
    assert_eq!(world.policy.roles().filter(|role| role.no.is_custom()).count(), 1);
    assert_eq!(
        world
            .policy
            .roles()
            .filter(|role| role.no <= RoleNo::SERVICE)
            .count(),
        0
    );
}

#[test]
fn an_own_role_that_no_longer_fits_gives_less_and_says_so() {
    let mut world = world();
    let role = custom(
        0,
        "old",
        Level::Workspace,
        &["gone.view", "note.view"],
        &["ghost"],
    );
    world.policy = policy(&world.product, vec![role], vec![], true);
    assert_eq!(world.policy.faults().len(), 1);
    assert_eq!(
        world.with("old", WORKSPACE).at("note.view", WORKSPACE),
        Reason::Role
    );
}

#[test]
fn an_overlay_adds_to_a_role_and_takes_from_it_also_what_it_includes() {
    let mut world = world();
    let clerk = world.policy.role_no("clerk").unwrap();
    let lead = world.policy.role_no("lead").unwrap();
    let mut change = LevelOverlay::default();
    change.change(&[EntryDecl::plain("note.edit")], &["order.view".to_owned()]);
    let overlay = Overlay {
        role: clerk,
        levels: [(Level::Workspace, change.clone())].into(),
    };
    world.policy = policy(&world.product, vec![], vec![overlay], true);
    let world = world.with("lead", WORKSPACE);
    assert_eq!(
        world.at("note.edit", WORKSPACE),
        Reason::Role,
        "an included role is what it is here"
    );
    assert_eq!(world.at("order.edit", WORKSPACE), Reason::Role);
    assert_eq!(
        world.at("order.view", WORKSPACE),
        Reason::NoEntry,
        "taken out, implied or not"
    );
    let mut other = LevelOverlay::default();
    other.change(&[], &["order.*".to_owned()]);
    let overlay = Overlay {
        role: lead,
        levels: [(Level::Workspace, other)].into(),
    };
    let narrowed = World {
        policy: policy(&world.product, vec![], vec![overlay], true),
        ..world
    };
    assert_eq!(narrowed.at("order.edit", WORKSPACE), Reason::NoEntry);
    assert_eq!(narrowed.at("note.view", WORKSPACE), Reason::Role);
    change.change(&[EntryDecl::plain("order.view")], &["note.edit".to_owned()]);
    assert_eq!(
        (change.add, change.remove),
        (vec![EntryDecl::plain("order.view")], vec!["note.edit".to_owned()])
    );
}

#[test]
fn a_role_with_holders_is_not_overlaid() {
    let world = world();
    let owner = world.policy.role_no("owner").unwrap();
    let change = LevelOverlay {
        add: vec![],
        remove: vec!["*".to_owned()],
        generation: 0,
    };
    let overlay = Overlay {
        role: owner,
        levels: [(Level::Account, change)].into(),
    };
    let policy = policy(&world.product, vec![], vec![overlay], true);
    assert_eq!(policy.role(owner).unwrap().holders, Some(Holders::Exactly(1)));
    let world = World { policy, ..world }.with("owner", root());
    assert_eq!(world.at("order.view", root()), Reason::Role);
    assert_eq!(world.policy.check_change(owner, None, &[], &[]).len(), 1);
}

#[test]
fn changes_and_own_roles_are_checked_before_they_are_stored() {
    let world = world();
    let clerk = world.policy.role_no("clerk").unwrap();
    let add = [EntryDecl::plain("order.fly"), EntryDecl::plain("note.view")];
    let remove = ["thing.*".to_owned(), "order.view".to_owned()];
    let paths = |faults: Vec<bailiwick_policy::manifest::Fault>| {
        faults.into_iter().map(|f| f.path).collect::<Vec<_>>()
    };
    assert_eq!(
        paths(world.policy.check_change(clerk, None, &add, &remove)),
        ["remove[0]", "add[0]"]
    );
    assert_eq!(
        paths(world.policy.check_change(clerk, Some(Level::Instance), &[], &[])),
        ["level"]
    );
    assert_eq!(
        paths(world.policy.check_change(RoleNo(999), None, &[], &[])),
        ["role"]
    );
    let good = custom(
        0,
        "helper",
        Level::Workspace,
        &["note.edit"],
        &["helper", "clerk"],
    );
    assert_eq!(world.policy.check_role("helper", &good.decl), []);
    assert_eq!(
        paths(world.policy.check_role("clerk", &good.decl)),
        ["name", "levels.workspace.assigns[0]"]
    );
    let mut bad = custom(0, "bad", Level::Workspace, &["no_such_thing.view"], &["ghost"]);
    bad.decl.holders = Some(Holders::AtLeast(1));
    bad.decl.includes = vec!["bad".to_owned()];
    let found = paths(world.policy.check_role("bad", &bad.decl));
    for path in [
        "holders",
        "includes",
        "levels.workspace.permissions[0]",
        "levels.workspace.assigns[0]",
    ] {
        assert!(found.iter().any(|other| other == path), "{path}: {found:?}");
    }
}

#[test]
fn an_own_role_is_changed_in_place() {
    let mut decl = custom(0, "r", Level::Account, &["*", "note.edit"], &[]).decl;
    decl.change(
        Level::Account,
        &[EntryDecl::plain("order.ship")],
        &["note.edit".to_owned()],
    );
    let texts: Vec<_> = decl.levels[&Level::Account]
        .permissions
        .iter()
        .map(|e| (e.permission.as_str(), e.except.clone()))
        .collect();
    assert_eq!(
        texts,
        [("*", vec!["note.edit".to_owned()]), ("order.ship", vec![])]
    );
    decl.change(Level::Account, &[EntryDecl::plain("note.edit")], &[]);
    assert_eq!(
        decl.levels[&Level::Account].permissions[0].except,
        Vec::<String>::new()
    );
}
