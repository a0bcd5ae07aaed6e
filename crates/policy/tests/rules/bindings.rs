//! Bindings, default roles, membership and places.

use bailiwick_policy::{
    Member, MemberState, PermissionSetBuilder, PlaceId, PlaceState, Reason, Resource, Source, Target,
    holdings, manifest::MemberKind, may_assign, permissions_held, scopes_held,
};
use bailiwick_types::Timestamp;

use super::*;

#[test]
fn a_binding_counts_at_its_scope_and_below_it_and_nowhere_else() {
    let world = world().with("all", INSTANCE);
    assert_eq!(world.at("order.view", INSTANCE), Reason::Role);
    assert_eq!(world.at("order.view", WORKSPACE), Reason::Role);
    assert_eq!(world.at("order.view", OTHER), Reason::NoEntry);
    assert_eq!(world.at("order.view", root()), Reason::NoEntry);
}

#[test]
fn a_role_gives_what_it_has_for_the_level_of_its_binding() {
    let above = world().with("clerk", root());
    assert_eq!(
        (
            above.at("order.view", WORKSPACE),
            above.at("order.edit", WORKSPACE)
        ),
        (Reason::Role, Reason::NoEntry)
    );
    let there = world().with("clerk", WORKSPACE);
    assert_eq!(there.at("order.edit", WORKSPACE), Reason::Role);
    let nowhere = world().with("clerk", INSTANCE);
    assert_eq!(
        nowhere.at("order.view", WORKSPACE),
        Reason::NoEntry,
        "it cannot be bound at an instance"
    );
}

#[test]
fn a_permission_brings_what_it_implies() {
    let world = world().with("clerk", WORKSPACE);
    assert_eq!(world.at("order.view", WORKSPACE), Reason::Role);
    assert_eq!(world.at("order.approve", WORKSPACE), Reason::NoEntry);
}

#[test]
fn a_star_leaves_out_the_types_of_the_levels_above() {
    let world = world().with("all", WORKSPACE);
    assert_eq!(world.at("workspace.delete", WORKSPACE), Reason::Role);
    assert_eq!(world.at("instance.view", WORKSPACE), Reason::NoEntry);
    assert_eq!(world.at("account.view", WORKSPACE), Reason::NoEntry);
    assert_eq!(world.at("user.invite", WORKSPACE), Reason::Role);
}

#[test]
fn an_exception_is_not_given_by_its_entry_not_even_by_implication() {
    let world = world().with("most", root());
    assert_eq!(world.at("order.edit", root()), Reason::Role);
    assert_eq!(world.at("order.view", root()), Reason::NoEntry);
    assert_eq!(world.at("note.edit", root()), Reason::NoEntry);
    let both = world.with("clerk", root());
    assert_eq!(both.at("order.view", root()), Reason::Role, "entries only add");
}

#[test]
fn a_group_gives_what_it_has_to_its_members() {
    let mut world = world();
    let mut group = PermissionSetBuilder::new("group:g1".parse().unwrap());
    group.bind(world.policy.role_no("clerk").unwrap(), WORKSPACE, None, None);
    world.groups.push(group.build());
    let decision = world.decide("order.edit", Target::Scope(WORKSPACE));
    assert!(decision.is_allow() && matches!(decision.source, Some(Source::Binding { set: 1, .. })));
}

#[test]
fn members_have_the_default_role_of_their_kind_and_that_of_everybody() {
    let mut world = world();
    assert_eq!(
        (world.at("note.view", OTHER), world.at("basket.view", OTHER)),
        (Reason::NoEntry, Reason::DefaultRole)
    );
    world.set.member(Member {
        kind: MemberKind::Customer,
        ..agent()
    });
    assert_eq!(
        (world.at("note.view", OTHER), world.at("basket.view", OTHER)),
        (Reason::DefaultRole, Reason::DefaultRole)
    );
}

#[test]
fn anonymous_subjects_have_the_role_of_everybody_and_services_have_none() {
    let anonymous = world().for_subject("anonymous:web");
    assert_eq!(
        (
            anonymous.at("basket.view", root()),
            anonymous.at("note.view", root())
        ),
        (Reason::DefaultRole, Reason::NoEntry)
    );
    let service = world().for_subject("service:svc").with("clerk", WORKSPACE);
    assert_eq!(
        (
            service.at("basket.view", root()),
            service.at("order.edit", WORKSPACE)
        ),
        (Reason::NoEntry, Reason::Role)
    );
}

#[test]
fn a_user_without_active_membership_has_nothing() {
    let mut world = world().with("all", root());
    world.set.member(Member {
        state: MemberState::Suspended,
        ..agent()
    });
    assert_eq!(world.at("order.view", root()), Reason::MemberSuspended);
    world.set.member(Member {
        expires_at: Some(NOW),
        ..agent()
    });
    assert_eq!(world.at("order.view", root()), Reason::MembershipExpired);
    world.set.member(Member {
        expires_at: Some(Timestamp(NOW.0 + 1)),
        ..agent()
    });
    assert_eq!(world.at("order.view", root()), Reason::Role);
    let stranger = world.for_subject("user:bob").with("all", root());
    assert_eq!(stranger.at("order.view", root()), Reason::NotAMember);
    assert_eq!(
        stranger.at("basket.view", root()),
        Reason::NotAMember,
        "not even what everybody may"
    );
}

#[test]
fn a_disabled_user_has_nothing() {
    let mut world = world().with("all", root());
    world.disabled = true;
    assert_eq!(world.at("order.view", root()), Reason::SubjectDisabled);
}

#[test]
fn nothing_is_done_in_what_is_suspended_moving_or_deleted() {
    let mut world = world().with("all", root());
    for (place, state, reason) in [
        (root(), PlaceState::Suspended, Reason::AccountSuspended),
        (INSTANCE, PlaceState::Suspended, Reason::ScopeSuspended),
        (WORKSPACE, PlaceState::Moving, Reason::ScopeMoving),
        (WORKSPACE, PlaceState::Deleted, Reason::ScopeDeleted),
    ] {
        world.places.set_state(place, state).unwrap();
        assert_eq!(world.at("order.view", WORKSPACE), reason);
        assert_eq!(world.at("order.view", OTHER) == Reason::Role, place != root());
        world.places.set_state(place, PlaceState::Active).unwrap();
    }
}

#[test]
fn a_target_that_is_not_known_is_denied_as_such() {
    let world = world().with("all", root());
    assert_eq!(
        world.decide("order.view", Target::Absent).reason,
        Reason::ResourceUnknown
    );
    assert_eq!(world.at("order.view", PlaceId(999)), Reason::ResourceUnknown);
    let elsewhere = Resource {
        place: PlaceId(999),
        ..world.order()
    };
    assert_eq!(world.on("order.view", &elsewhere), Reason::ScopeUnknown);
}

#[test]
fn a_permission_is_asked_on_its_type_on_scopes_and_where_its_type_lists() {
    let world = world().with("all", root());
    assert_eq!(world.on("note.view", &world.order()), Reason::Role);
    let note = Resource {
        type_no: world.product.type_no("note").unwrap(),
        ..world.order()
    };
    assert_eq!(world.on("order.view", &note), Reason::NotApplicable);
    assert_eq!(world.at("order.view", OTHER), Reason::Role);
    assert!(world.product.question("order.view", Some("note")).is_err());
    assert!(world.product.question("note.view", Some("order")).is_ok());
    assert!(
        world.product.question("note.fly", None).is_err()
            && world.product.question("note.view", Some("x")).is_err()
    );
}

#[test]
fn what_has_expired_gives_nothing() {
    let mut world = world();
    let clerk = world.policy.role_no("clerk").unwrap();
    world.set.bind(clerk, WORKSPACE, Some(NOW), None);
    assert_eq!(world.at("order.edit", WORKSPACE), Reason::Expired);
    let permission = world.one("order.view");
    world.set.grant_scope(OTHER, [permission], Some(NOW), None);
    assert_eq!(world.at("order.view", OTHER), Reason::Expired);
    world.set.bind(clerk, WORKSPACE, Some(Timestamp(NOW.0 + 1)), None);
    assert_eq!(world.at("order.edit", WORKSPACE), Reason::Role);
}

#[test]
fn a_restricted_account_keeps_what_the_manifest_names() {
    let mut world = world().with("all", root()).with("clerk", WORKSPACE);
    world.places.set_state(root(), PlaceState::Restricted).unwrap();
    for kept in ["note.view", "note.edit", "account.view"] {
        assert_eq!(world.at(kept, root()), Reason::Role, "{kept}");
    }
    // `order.view` is named; `order.edit`, which brings it, is not.
    assert_eq!(world.at("order.view", WORKSPACE), Reason::Role);
    for lost in ["order.edit", "account.edit", "role.define"] {
        assert_eq!(world.at(lost, root()), Reason::AccountRestricted, "{lost}");
    }
    let lost = world.ask(Target::Scope(root()), permissions_held).allowed;
    let edit = world.product.permission_no("order.edit").unwrap();
    assert!(!lost.contains(edit) && lost.iter().count() == 4, "{lost:?}");
    let clerk = world.policy.role_no("clerk").unwrap();
    let assigns = world.with("owner", root());
    assert!(!assigns.ask(Target::Scope(root()), |input| may_assign(input, clerk)));
}

#[test]
fn lists_show_what_a_restricted_account_keeps() {
    let mut world = world().with("clerk", WORKSPACE).with("shipper", root());
    world.places.set_state(root(), PlaceState::Restricted).unwrap();
    let scopes = world.ask(Target::Scope(root()), |input| scopes_held(input, None));
    assert_eq!(
        scopes,
        [WORKSPACE],
        "the shipper's role gives nothing that is kept"
    );
    let mut shown = Vec::new();
    world.ask(Target::Scope(root()), |input| {
        holdings(input, &mut |holding| shown.push(holding.permission));
    });
    assert_eq!(shown, [world.product.permission_no("order.view").unwrap()]);
}
