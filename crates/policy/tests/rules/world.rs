//! The product and the world that the rules are shown in.

use std::sync::Arc;

use bailiwick_policy::{
    AccountPolicy, Attributes, Audience, CustomRole, Decision, DecisionInput, Level, Member, MemberState,
    Numbers, Overlay, Pattern, PermissionSet, PermissionSetBuilder, Place, PlaceId, PlaceState, Places,
    Product, Reason, Request, Resource, RoleNo, Target, Values, compile, decide,
    manifest::{AssignDecl, EntryDecl, MemberKind, RoleDecl, RoleLevelDecl, parse},
};
use bailiwick_types::{AccountId, Subject, Timestamp};
use serde_json::{Value as Json, json};

pub(crate) const MANIFEST: &str = "
product: shop
levels: {account: {}, instance: {editions: [a]}, workspace: {}}
subjects: {kinds: {customer: {role: guest}}, anonymous: {role: visitor}}
settings: {ask: {type: bool, default: true}}
restricted: [\"note.*\", order.view, account.view]
types:
  order:
    verbs: [view, edit, ship, approve]
    implies: {edit: [view]}
    attributes: {region: {type: string}, channel: {type: string, from: request}}
    approvals: {ship: {by: order.approve, serves: stays, expires: 7d, when_setting: ask}}
    grants: {view: resource.attr.region in grant.regions}
  note: {verbs: [view, edit], implies: {edit: [view]}, on: [order]}
  bill:
    verbs: [view, print, pay]
    implies: {pay: [view], print: [view]}
    attributes: {region: {type: string}, amount: {type: int}}
    parameters: {limit: {type: int, max: 100, required: true, within: own}, note: {type: string}}
    grants: {view: resource.attr.region in grant.regions, pay: resource.attr.amount <= grant.limit}
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
  strict: {levels: {account: {permissions: [{permission: order.edit, approval: {by: order.approve, binds: [region]}}]}}}
  lead: {includes: [clerk], levels: {workspace: {permissions: [note.view], assigns: [clerk]}}}
  guest: {levels: {account: {permissions: [note.view]}}}
  visitor: {levels: {account: {permissions: [basket.view]}}}
  payer:
    parameters: {limit: {type: int, max: 500, required: true, within: own}, note: {type: string, max: 3}}
    levels: {account: {permissions: [{permission: bill.pay, when: resource.attr.amount <= grant.limit}]}}
  cashier: {includes: [payer], parameters: {limit: {type: int, max: 50}}, levels: {account: {permissions: [bill.view], assigns: [payer]}}}
  definer: {levels: {account: {permissions: [role.define, note.*, order.edit], assigns: [clerk]}}}
";

pub(crate) const INSTANCE: PlaceId = PlaceId(10);
pub(crate) const WORKSPACE: PlaceId = PlaceId(20);
pub(crate) const OTHER: PlaceId = PlaceId(21);
pub(crate) const NOW: Timestamp = Timestamp(1_000);

pub(crate) fn account() -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(1 << 70))
}

pub(crate) fn root() -> PlaceId {
    account().into()
}

pub(crate) struct World {
    pub(crate) product: Arc<Product>,
    pub(crate) policy: AccountPolicy,
    pub(crate) places: Places,
    pub(crate) subject: Subject,
    pub(crate) set: PermissionSetBuilder,
    pub(crate) groups: Vec<PermissionSet>,
    pub(crate) disabled: bool,
    pub(crate) audience: Audience,
    pub(crate) digest: Option<&'static str>,
    pub(crate) attributes: Values,
}

pub(crate) fn policy(
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

pub(crate) fn agent() -> Member {
    Member {
        kind: MemberKind::Agent,
        state: MemberState::Active,
        expires_at: None,
    }
}

pub(crate) fn world() -> World {
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
    pub(crate) fn for_subject(mut self, subject: &str) -> Self {
        self.subject = subject.parse().unwrap();
        self.set = PermissionSetBuilder::new(self.subject.clone());
        self
    }
    pub(crate) fn with(mut self, role: &str, place: PlaceId) -> Self {
        let role = self.policy.role_no(role).unwrap();
        self.set.bind(role, place, None, None);
        self
    }
    /// The same world with another set of the subject.
    pub(crate) fn with_set(&self, change: impl FnOnce(&mut PermissionSetBuilder)) -> Self {
        let mut set = self.set.clone();
        change(&mut set);
        Self {
            policy: self.policy.clone(),
            product: Arc::clone(&self.product),
            places: self.places.clone(),
            subject: self.subject.clone(),
            set,
            groups: self.groups.clone(),
            disabled: self.disabled,
            audience: self.audience,
            digest: self.digest,
            attributes: self.attributes.clone(),
        }
    }
    pub(crate) fn one(&self, permission: &str) -> Pattern {
        self.product.pattern(permission).unwrap()
    }
    pub(crate) fn order(&self) -> Resource {
        Resource {
            type_no: self.product.type_no("order").unwrap(),
            id: "o1".into(),
            place: WORKSPACE,
            owner: None,
            parent: None,
            attributes: Attributes::default(),
            registered: 5,
        }
    }
    pub(crate) fn order_with(&self, attributes: &Json) -> Resource {
        let attributes = Attributes::stored(attributes.as_object().unwrap());
        Resource {
            attributes,
            ..self.order()
        }
        .retype(&self.product)
    }
    pub(crate) fn ask<T>(&self, target: Target<'_>, answer: impl FnOnce(&DecisionInput<'_>) -> T) -> T {
        let own = self.set.clone().build().retype(&self.policy);
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
    pub(crate) fn decide(&self, permission: &str, target: Target<'_>) -> Decision {
        let no = self.product.permission_no(permission).unwrap();
        self.ask(target, |input| decide(input, no))
    }
    pub(crate) fn at(&self, permission: &str, place: PlaceId) -> Reason {
        self.decide(permission, Target::Scope(place)).reason
    }
    pub(crate) fn on(&self, permission: &str, resource: &Resource) -> Reason {
        self.decide(permission, Target::Resource(&[resource])).reason
    }
}

/// An account's own role.
pub(crate) fn custom(
    no: u32,
    name: &str,
    level: Level,
    permissions: &[&str],
    assigns: &[&str],
) -> CustomRole {
    let at = RoleLevelDecl {
        permissions: permissions.iter().map(|p| EntryDecl::plain(*p)).collect(),
        assigns: assigns.iter().copied().map(AssignDecl::plain).collect(),
    };
    CustomRole {
        no: RoleNo(RoleNo::FIRST_CUSTOM.0 + no),
        name: name.to_owned(),
        decl: RoleDecl {
            levels: [(level, at)].into(),
            ..RoleDecl::default()
        },
        generation: 0,
    }
}
