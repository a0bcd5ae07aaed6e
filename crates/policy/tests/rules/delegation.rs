//! What may be given by whom.

use bailiwick_policy::{Audience, Claim, Level, PlaceId, PlaceState, RoleNo, Target, holds, may_assign};

use super::*;

fn holds_pattern(
    world: &World,
    place: PlaceId,
    pattern: &str,
    except: &[&str],
    waived: bool,
    level: Level,
) -> bool {
    let claim = Claim {
        pattern: world.one(pattern),
        except: except.iter().map(|text| world.one(text)).collect(),
        waived,
        level,
    };
    world.ask(Target::Scope(place), |input| holds(input, &claim))
}

#[test]
fn to_give_a_pattern_one_has_to_hold_that_pattern() {
    let held = |world: &World, pattern: &str, except: &[&str]| {
        holds_pattern(world, root(), pattern, except, false, Level::Account)
    };
    let owner = world().with("owner", root());
    assert!(held(&owner, "*", &[]) && held(&owner, "order.*", &[]) && held(&owner, "order.ship", &[]));
    let most = world().with("most", root());
    assert!(!held(&most, "*", &[]) && !held(&most, "order.*", &[]) && !held(&most, "note.*", &[]));
    assert!(held(&most, "user.*", &[]) && held(&most, "order.approve", &[]));
    assert!(
        !held(&most, "order.edit", &[]),
        "it would bring the view that was kept from the giver"
    );
    assert!(
        !held(&most, "*", &["note.*", "order.view"]),
        "an approval stands in between"
    );
    let definer = world().with("definer", root());
    assert!(
        held(&definer, "note.*", &[]) && held(&definer, "note.view", &[]) && !held(&definer, "order.*", &[])
    );
    let own = world().with("own", root());
    assert!(
        !held(&own, "order.view", &[]) && !held(&own, "order.*", &[]),
        "a condition is no holding"
    );
    let mut granted = world();
    let pattern = granted.one("note.*");
    granted.set.grant_scope(root(), [pattern], None, None);
    assert!(held(&granted, "note.*", &[]) && held(&granted, "note.edit", &[]) && !held(&granted, "*", &[]));
}

#[test]
fn an_approval_rule_keeps_from_holding_and_a_waiver_is_given_only_by_who_has_it() {
    let mut all = world().with("all", root());
    assert!(!holds_pattern(&all, root(), "*", &[], false, Level::Account));
    assert!(!holds_pattern(
        &all,
        root(),
        "order.ship",
        &[],
        false,
        Level::Account
    ));
    assert!(holds_pattern(
        &all,
        root(),
        "*",
        &["order.ship"],
        false,
        Level::Account
    ));
    all.policy = policy(&all.product, vec![], vec![], false);
    assert!(holds_pattern(&all, root(), "*", &[], false, Level::Account));
    assert!(holds_pattern(
        &all,
        root(),
        "order.ship",
        &[],
        false,
        Level::Account
    ));
    assert!(
        !holds_pattern(&all, root(), "order.ship", &[], true, Level::Account),
        "switched off, but not waived"
    );
    assert!(!holds_pattern(&all, root(), "*", &[], true, Level::Account));
    assert!(
        holds_pattern(&all, root(), "note.view", &[], true, Level::Account),
        "no rule to waive"
    );
    let owner = world().with("owner", root());
    assert!(holds_pattern(
        &owner,
        root(),
        "order.ship",
        &[],
        true,
        Level::Account
    ));
    assert!(holds_pattern(&owner, root(), "*", &[], true, Level::Account));
}

#[test]
fn a_star_of_a_lower_level_is_no_star_above() {
    let mut world = world().with("all", INSTANCE);
    world.policy = policy(&world.product, vec![], vec![], false);
    assert!(holds_pattern(&world, INSTANCE, "*", &[], false, Level::Instance));
    assert!(holds_pattern(
        &world,
        WORKSPACE,
        "*",
        &[],
        false,
        Level::Workspace
    ));
    assert!(!holds_pattern(&world, INSTANCE, "*", &[], false, Level::Account));
    assert!(!holds_pattern(
        &world,
        INSTANCE,
        "account.*",
        &[],
        false,
        Level::Instance
    ));
    assert!(!holds_pattern(&world, root(), "*", &[], false, Level::Instance));
}

#[test]
fn the_operator_holds_what_it_has_and_no_more() {
    let mut world = world().for_subject("user:op");
    world.set.bind(RoleNo::OPERATOR, PlaceId::DEPLOYMENT, None, None);
    world.audience = Audience::Suite;
    let held = |pattern| holds_pattern(&world, root(), pattern, &[], false, Level::Account);
    assert!(held("user.*") && held("order.edit") && !held("order.*") && !held("*") && !held("order.ship"));
}

#[test]
fn a_products_role_is_assigned_by_who_has_a_binding_that_lists_it() {
    let may = |world: &World, role: &str, place| {
        let no = world.policy.role_no(role).unwrap();
        world.ask(Target::Scope(place), |input| may_assign(input, no))
    };
    let owner = world().with("owner", root());
    assert!(may(&owner, "clerk", WORKSPACE) && may(&owner, "owner", root()) && may(&owner, "guest", root()));
    assert!(!may(&owner, "owner", WORKSPACE), "it cannot be bound there");
    let most = world().with("most", root());
    assert!(may(&most, "clerk", WORKSPACE) && may(&most, "clerk", root()) && !may(&most, "lead", WORKSPACE));
    let lead = world().with("lead", WORKSPACE);
    assert!(may(&lead, "clerk", WORKSPACE) && !may(&lead, "clerk", OTHER) && !may(&lead, "clerk", root()));
    let mut late = world();
    late.set
        .bind(late.policy.role_no("owner").unwrap(), root(), Some(NOW), None);
    assert!(!may(&late, "clerk", WORKSPACE), "expired");
    let mut suspended = owner;
    suspended
        .places
        .set_state(INSTANCE, PlaceState::Suspended)
        .unwrap();
    assert!(!may(&suspended, "clerk", WORKSPACE) && may(&suspended, "clerk", OTHER));
}
