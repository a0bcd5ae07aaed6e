//! The rules of decisions, delegation and account policies, one by one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_policy::{
    AccountPolicy, ApprovalTarget, Audience, Claim, CustomRole, Decision, DecisionInput, Level, LevelOverlay,
    Member, MemberState, Numbers, OpenApproval, Outcome, Overlay, Pattern, PermissionSet,
    PermissionSetBuilder, Place, PlaceId, PlaceState, Places, Product, Reason, Request, Resource, RoleNo,
    Source, StepEffect, Target, TypeGrantReach, Values, claims_of, compile, could_assign, decide, explain,
    holds, holds_role,
    manifest::{EntryDecl, Holders, MemberKind, RoleDecl, RoleLevelDecl, parse},
    may_assign, permissions_held, scopes_held, suite_holds,
};
use bailiwick_types::{AccountId, ApprovalId, Subject, Timestamp};
use serde_json::json;

const MANIFEST: &str = "
product: shop
levels: {account: {}, instance: {editions: [a]}, workspace: {}}
subjects: {kinds: {customer: {role: guest}}, anonymous: {role: visitor}}
settings: {ask: {type: bool, default: true}}
types:
  order:
    verbs: [view, edit, ship, approve]
    implies: {edit: [view]}
    attributes: {region: {type: string}, channel: {type: string, from: request}}
    approvals: {ship: {by: order.approve, serves: stays, expires: 7d, when_setting: ask}}
    grants: {view: resource.attr.region in grant.regions}
  note: {verbs: [view, edit], implies: {edit: [view]}, on: [order]}
  basket: {verbs: [view], registered: false, attributes: {region: {type: string}}}
roles:
  owner: {holders: {exactly: 1}, levels: {account: {permissions: [{permission: \"*\", approval: none}], assigns: [\"*\"]}}}
  all: {levels: {account: {permissions: [\"*\"]}, instance: {permissions: [\"*\"]}, workspace: {permissions: [\"*\"]}}}
  most: {levels: {account: {permissions: [{permission: \"*\", except: [\"note.*\", order.view]}], assigns: [clerk]}}}
  clerk: {title: Clerk, levels: {workspace: {permissions: [order.edit]}, account: {permissions: [order.view]}}}
  own: {levels: {account: {permissions: [{permission: \"order.*\", when: resource.owner == subject.id}]}}}
  local: {levels: {account: {permissions: [{permission: order.view, when: resource.attr.region in grant.regions}]}}}
  shipper: {levels: {account: {permissions: [order.ship]}}}
  fast: {levels: {account: {permissions: [{permission: order.ship, approval: none}]}}}
  strict: {levels: {account: {permissions: [{permission: order.edit, approval: {by: order.approve}}]}}}
  lead: {includes: [clerk], levels: {workspace: {permissions: [note.view], assigns: [clerk]}}}
  guest: {levels: {account: {permissions: [note.view]}}}
  visitor: {levels: {account: {permissions: [basket.view]}}}
  definer: {levels: {account: {permissions: [role.define, note.*, order.edit], assigns: [clerk]}}}
";

const INSTANCE: PlaceId = PlaceId(10);
const WORKSPACE: PlaceId = PlaceId(20);
const OTHER: PlaceId = PlaceId(21);
const NOW: Timestamp = Timestamp(1_000);

fn account() -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(1 << 70))
}

fn root() -> PlaceId {
    account().into()
}

struct World {
    product: Arc<Product>,
    policy: AccountPolicy,
    places: Places,
    subject: Subject,
    set: PermissionSetBuilder,
    groups: Vec<PermissionSet>,
    disabled: bool,
    audience: Audience,
    digest: Option<&'static str>,
    attributes: Values,
}

fn policy(
    product: &Arc<Product>,
    custom: Vec<CustomRole>,
    overlays: Vec<Overlay>,
    ask: bool,
) -> AccountPolicy {
    AccountPolicy::compile(
        Arc::clone(product),
        custom,
        overlays,
        [("ask".to_owned(), json!(ask))].into(),
    )
}

fn agent() -> Member {
    Member {
        kind: MemberKind::Agent,
        state: MemberState::Active,
        expires_at: None,
    }
}

fn world() -> World {
    let (product, _) = compile(&parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
    let product = Arc::new(product);
    let mut places = Places::new(account());
    let place = |id, parent, level| Place {
        id,
        parent,
        level,
        state: PlaceState::Active,
    };
    places.insert(place(INSTANCE, root(), Level::Instance)).unwrap();
    places
        .insert(place(WORKSPACE, INSTANCE, Level::Workspace))
        .unwrap();
    places.insert(place(OTHER, root(), Level::Workspace)).unwrap();
    let subject: Subject = "user:ann".parse().unwrap();
    let mut set = PermissionSetBuilder::new(subject.clone());
    set.member(agent());
    World {
        policy: policy(&product, vec![], vec![], true),
        product,
        places,
        set,
        subject,
        groups: vec![],
        disabled: false,
        audience: Audience::Product,
        digest: None,
        attributes: Values::default(),
    }
}

impl World {
    fn for_subject(mut self, subject: &str) -> Self {
        self.subject = subject.parse().unwrap();
        self.set = PermissionSetBuilder::new(self.subject.clone());
        self
    }
    fn with(mut self, role: &str, place: PlaceId) -> Self {
        let role = self.policy.role_no(role).unwrap();
        self.set.bind(role, place, None, None);
        self
    }
    fn one(&self, permission: &str) -> Pattern {
        self.product.pattern(permission).unwrap()
    }
    fn order(&self) -> Resource {
        Resource {
            type_no: self.product.type_no("order").unwrap(),
            id: "o1".into(),
            place: WORKSPACE,
            owner: None,
            parent: None,
            attributes: Values::default(),
            registered: 5,
        }
    }
    fn ask<T>(&self, target: Target<'_>, answer: impl FnOnce(&DecisionInput<'_>) -> T) -> T {
        let own = self.set.clone().build();
        let sets: Vec<&PermissionSet> = std::iter::once(&own).chain(&self.groups).collect();
        let context = Values::default();
        answer(&DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject: &self.subject,
            disabled: self.disabled,
            sets: &sets,
            buckets: &[],
            target,
            request: Request {
                attributes: &self.attributes,
                context: &context,
                digest: self.digest,
            },
            audience: self.audience,
            now: NOW,
        })
    }
    fn decide(&self, permission: &str, target: Target<'_>) -> Decision {
        let no = self.product.permission_no(permission).unwrap();
        self.ask(target, |input| decide(input, no))
    }
    fn at(&self, permission: &str, place: PlaceId) -> Reason {
        self.decide(permission, Target::Scope(place)).reason
    }
    fn on(&self, permission: &str, resource: &Resource) -> Reason {
        self.decide(permission, Target::Resource(&[resource])).reason
    }
}

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
    let parameters = world
        .product
        .grant_parameters([view], regions.as_object().unwrap())
        .unwrap();
    let permission = world.one("order.view");
    world
        .set
        .grant_scope(root(), [permission], None, Some(parameters.clone()));
    let of = world.product.type_no("order").unwrap();
    let region = |name: &str| Resource {
        attributes: world
            .product
            .attributes(of, json!({"region": name}).as_object().unwrap())
            .unwrap(),
        ..world.order()
    };
    assert_eq!(world.on("order.view", &region("north")), Reason::Grant);
    assert_eq!(world.on("order.view", &region("south")), Reason::ConditionFalse);
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
    let parameters = at
        .read_parameters(json!({"regions": ["north"]}).as_object().unwrap())
        .unwrap();
    assert!(
        at.read_parameters(json!({"region": ["north"]}).as_object().unwrap())
            .is_err()
    );
    assert!(
        at.read_parameters(json!({"regions": "north"}).as_object().unwrap())
            .is_err()
    );
    world.set.bind(local, root(), None, Some(parameters));
    let of = world.product.type_no("order").unwrap();
    let attributes = world
        .product
        .attributes(of, json!({"region": "north"}).as_object().unwrap())
        .unwrap();
    assert_eq!(
        world.on("order.view", &Resource { attributes, ..hers }),
        Reason::Role
    );
}

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
fn an_explanation_names_what_was_looked_at() {
    let mut world = world().with("own", root()).with("clerk", WORKSPACE);
    let no = world.product.permission_no("order.edit").unwrap();
    let hers = Resource {
        owner: Some("user:eve".parse().unwrap()),
        ..world.order()
    };
    let found = world.ask(Target::Resource(&[&hers]), |input| explain(input, no));
    assert!(found.decision.is_allow());
    let steps: Vec<_> = found
        .steps
        .iter()
        .map(|s| (s.role.as_deref(), s.gives.as_str(), s.effect))
        .collect();
    assert_eq!(
        steps,
        [
            (Some("clerk"), "order.edit", StepEffect::Allows),
            (Some("own"), "order.*", StepEffect::False)
        ]
    );
    let condition = found.steps[1].condition.as_ref().unwrap();
    assert_eq!(condition.source, "resource.owner == subject.id");
    assert_eq!(
        condition.seen[0],
        ("resource.owner".to_owned(), Some("user:eve".to_owned()))
    );
    assert_eq!(found.steps[0].subject.as_deref(), Some("user:ann"));
    world.disabled = true;
    let found = world.ask(Target::Absent, |input| explain(input, no));
    assert_eq!(
        (found.decision.reason, found.steps.len()),
        (Reason::SubjectDisabled, 0)
    );
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

fn custom(no: u32, name: &str, level: Level, permissions: &[&str], assigns: &[&str]) -> CustomRole {
    let at = RoleLevelDecl {
        permissions: permissions.iter().map(|p| EntryDecl::plain(*p)).collect(),
        assigns: assigns.iter().map(|&name| name.to_owned()).collect(),
    };
    CustomRole {
        no: RoleNo(RoleNo::FIRST_CUSTOM.0 + no),
        name: name.to_owned(),
        decl: RoleDecl {
            levels: [(level, at)].into(),
            ..RoleDecl::default()
        },
    }
}

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
    assert_eq!(three, two, "what comes back has its old number");
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
    let request = world
        .product
        .request_attributes(view, Some(order), given.as_object().unwrap())
        .unwrap();
    assert_eq!(
        request.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["channel"],
        "the rest is left out"
    );
    let wrong = json!({"channel": 3});
    assert!(
        world
            .product
            .request_attributes(view, Some(order), wrong.as_object().unwrap())
            .is_err()
    );
    let long = json!({"channel": "x".repeat(5_000)});
    assert!(
        world
            .product
            .request_attributes(view, Some(order), long.as_object().unwrap())
            .is_err()
    );
    assert_eq!(world.policy.setting("ask"), Some(&json!(true)));
    assert_eq!(
        AccountPolicy::compile(world.product, vec![], vec![], BTreeMap::new()).setting("nothing"),
        None
    );
}
