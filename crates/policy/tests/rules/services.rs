//! Roles of a product's own services: bound at the product, they reach all its accounts and give what they
//! name.

use std::sync::Arc;

use bailiwick_policy::{
    AccountPolicy, Attributes, Audience, DecisionInput, Level, Numbers, PermissionSet, PermissionSetBuilder,
    PlaceId, PlaceState, Places, Product, Reason, Request, Resource, RoleNo, Target, Values, compile, decide,
    manifest::{ChangeKind, Manifest, parse},
    may_assign, plan,
};
use bailiwick_types::{AccountId, Subject, Timestamp};

const MANIFEST: &str = "
product: shop
levels: {account: {}, workspace: {}}
types:
  order: {verbs: [view, create, edit, delete], implies: {edit: [view]}}
  bill: {verbs: [view, pay], attributes: {open: {type: bool}}}
roles:
  owner: {holders: {exactly: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  clerk: {levels: {account: {permissions: [order.view]}, workspace: {permissions: [order.view]}}}
  guest: {levels: {account: {permissions: [bill.view]}}}
services:
  backend:
    title: Backend
    permissions: [order.create, order.edit, account.view, user.invite, decision.check, {permission: bill.pay, when: resource.attr.open == true}]
    assigns: [clerk]
  reader: {permissions: [order.view]}
";

const WORKSPACE: PlaceId = PlaceId(20);

fn account() -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(1 << 70))
}

fn root() -> PlaceId {
    account().into()
}

fn compiled(yaml: &str, numbers: Numbers) -> (Product, Numbers) {
    compile(&parse(yaml).unwrap(), numbers).unwrap()
}

struct World {
    policy: AccountPolicy,
    places: Places,
    subject: Subject,
    sets: Vec<PermissionSet>,
    audience: Audience,
    none: Values,
}

impl World {
    /// A service account with a role at the product.
    fn with(role: &str) -> Self {
        let product = Arc::new(compiled(MANIFEST, Numbers::default()).0);
        let subject: Subject = "service:svc_1".parse().unwrap();
        let own = PermissionSetBuilder::new(subject.clone()).build();
        let mut bound = PermissionSetBuilder::new(subject.clone());
        bound.bind(
            product.service_role(role).unwrap().no,
            PlaceId::PRODUCT,
            None,
            None,
        );
        let mut places = Places::new(account());
        places
            .insert(bailiwick_policy::Place {
                id: WORKSPACE,
                parent: root(),
                level: Level::Workspace,
                state: PlaceState::Active,
            })
            .unwrap();
        Self {
            policy: AccountPolicy::compile(product, vec![], vec![], [].into()),
            places,
            subject,
            sets: vec![own, bound.build()],
            audience: Audience::Product,
            none: Values::default(),
        }
    }
    fn ask<T>(&self, target: Target<'_>, ask: impl FnOnce(&DecisionInput<'_>) -> T) -> T {
        let sets: Vec<&PermissionSet> = self.sets.iter().collect();
        ask(&DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject: &self.subject,
            disabled: false,
            sets: &sets,
            buckets: &[],
            target,
            request: Request {
                attributes: &self.none,
                context: &self.none,
                digest: None,
            },
            audience: self.audience,
            now: Timestamp(1_000),
        })
    }
    fn reason(&self, permission: &str, place: PlaceId) -> Reason {
        let no = self.policy.product().permission_no(permission).unwrap();
        self.ask(Target::Scope(place), |input| decide(input, no).reason)
    }
    fn allows(&self, permission: &str, place: PlaceId) -> bool {
        self.reason(permission, place) == Reason::Role
    }
    fn may_assign(&self, role: &str, place: PlaceId) -> bool {
        let no = self.policy.product().role_no(role).unwrap();
        self.ask(Target::Scope(place), |input| may_assign(input, no))
    }
}

#[test]
fn a_service_may_do_what_its_role_names_and_what_that_implies_in_all_of_an_account() {
    for audience in [Audience::Product, Audience::Suite] {
        let world = World {
            audience,
            ..World::with("backend")
        };
        let product = Arc::clone(world.policy.product());
        let given = [
            "order.create",
            "order.edit",
            "order.view",
            "account.view",
            "user.invite",
            "decision.check",
        ];
        for info in product.permissions() {
            for place in [root(), WORKSPACE] {
                let expected = given.contains(&&*info.name);
                assert_eq!(world.allows(&info.name, place), expected, "{}", info.name);
            }
        }
    }
}

#[test]
fn a_condition_is_decided_on_the_resource() {
    let world = World::with("backend");
    let product = world.policy.product();
    let pay = product.permission_no("bill.pay").unwrap();
    let bill = |open: bool| {
        let attributes = [("open".to_owned(), open.into())].into_iter().collect();
        let bill = Resource {
            type_no: product.type_no("bill").unwrap(),
            id: "1".into(),
            place: WORKSPACE,
            owner: None,
            parent: None,
            attributes: Attributes::stored(&attributes),
            registered: 1,
        };
        bill.retype(product)
    };
    let allowed = |open| {
        let bill = bill(open);
        world.ask(Target::Resource(&[&bill]), |input| decide(input, pay).is_allow())
    };
    assert!(allowed(true) && !allowed(false));
}

#[test]
fn a_suspended_account_and_a_deleted_scope_end_it_but_decisions_are_asked_on() {
    let mut world = World::with("backend");
    world.places.set_state(WORKSPACE, PlaceState::Deleted).unwrap();
    assert_eq!(world.reason("order.create", WORKSPACE), Reason::ScopeDeleted);
    assert!(world.allows("order.create", root()));
    assert!(!world.may_assign("clerk", WORKSPACE) && world.may_assign("clerk", root()));
    world.places.set_state(root(), PlaceState::Suspended).unwrap();
    assert_eq!(world.reason("order.create", root()), Reason::AccountSuspended);
    assert!(world.allows("decision.check", root()));
    assert!(!world.may_assign("clerk", root()));
}

#[test]
fn a_plan_for_a_service_leaves_out_what_is_suspended_or_deleted() {
    let mut world = World::with("backend");
    let product = Arc::clone(world.policy.product());
    let (view, order) = (
        product.permission_no("order.view").unwrap(),
        product.type_no("order").unwrap(),
    );
    let plans = |world: &World| world.ask(Target::Scope(root()), |input| plan(input, view, order, &[]));
    assert!(plans(&world).is_all());
    world.places.set_state(WORKSPACE, PlaceState::Deleted).unwrap();
    let without = plans(&world);
    assert!(
        !without.is_all() && !without.alternatives.is_empty(),
        "{without:?}"
    );
    world.places.set_state(root(), PlaceState::Suspended).unwrap();
    assert!(plans(&world).alternatives.is_empty());
}

#[test]
fn a_service_assigns_the_roles_that_its_own_names() {
    let world = World::with("backend");
    for place in [root(), WORKSPACE] {
        assert!(world.may_assign("clerk", place));
    }
    for role in ["owner", "guest", "backend", "reader", "service", "operator"] {
        assert!(!world.may_assign(role, root()), "{role}");
    }
    assert!(!World::with("reader").may_assign("clerk", root()));
}

#[test]
fn accounts_do_not_know_the_roles_of_services() {
    let world = World::with("backend");
    let (policy, product) = (&world.policy, world.policy.product());
    let names: Vec<&str> = policy.roles().map(|role| &*role.name).collect();
    assert_eq!(names, ["clerk", "guest", "owner"]);
    assert_eq!(policy.role_no("backend"), None);
    let backend = product.service_role("backend").unwrap();
    let levels: Vec<Level> = backend.levels().map(|(level, _)| level).collect();
    assert_eq!((levels, &*backend.title), (vec![Level::Product], "Backend"));
    assert!(product.service_role("clerk").is_none());
    assert_eq!(product.service_role("service").unwrap().no, RoleNo::SERVICE);
    assert!(product.is_of_services(backend.no) && !product.is_of_services(RoleNo::SERVICE));
}

#[test]
fn a_name_that_was_away_gives_nothing_when_it_comes_back() {
    let (first, numbers) = compiled(MANIFEST, Numbers::default());
    let bound = (first.role_no("backend"), first.generation());
    assert_eq!(first.service_role_since("backend", bound.1), bound.0);
    let renamed = MANIFEST.replace("  backend:", "  server:");
    let (without, numbers) = compiled(&renamed, numbers);
    assert_eq!(without.service_role_since("backend", bound.1), None);
    let (again, _) = compiled(MANIFEST, numbers);
    assert_eq!(again.role_no("backend"), bound.0);
    assert_eq!(again.service_role_since("backend", bound.1), None);
    assert_eq!(again.service_role_since("backend", again.generation()), bound.0);
}

#[test]
fn the_difference_names_the_service_and_its_json_form_is_read_back() {
    let before = parse(MANIFEST).unwrap();
    let reads_bills = MANIFEST.replace(
        "reader: {permissions: [order.view]}",
        "reader: {permissions: [bill.view]}",
    );
    let after = parse(&reads_bills);
    let changes = before.diff(&after.unwrap());
    assert_eq!(changes.len(), 1);
    assert_eq!(
        (&*changes[0].path, changes[0].kind),
        ("services.reader.permissions", ChangeKind::Changed)
    );
    let text = serde_json::to_string(&before).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), before);
}
