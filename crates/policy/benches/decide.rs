//! What a decision costs in process. The bars: 200 ns in a set of 100 bindings, 500 ns in a set of 100,000
//! grants with random keys, 1 us with a condition of the fast path.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark may break and speaks to a terminal"
)]

use std::{
    collections::BTreeMap,
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use bailiwick_policy::{
    AccountPolicy, Attributes, Audience, DecisionInput, Level, Member, MemberState, Numbers, PermissionNo,
    PermissionSet, PermissionSetBuilder, Place, PlaceId, PlaceState, Places, Product, Request, Resource,
    Target, Values, compile, decide,
    manifest::{MemberKind, parse},
};
use bailiwick_types::{AccountId, Subject, Timestamp};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

const MANIFEST: &str = "
product: bench
levels: {account: {}, instance: {}, workspace: {}}
types:
  doc:
    verbs: [view, create, edit, delete]
    implies: {edit: [view]}
    attributes: {who: {type: subject}, tag: {type: string}}
  item: {verbs: [view, create, edit, delete]}
roles:
  editor: {levels: {workspace: {permissions: [doc.view, doc.create, doc.edit]}}}
  viewer: {levels: {workspace: {permissions: [doc.view]}, account: {permissions: [item.view]}}}
  owner: {levels: {workspace: {permissions: [{permission: \"doc.*\", when: resource.owner == subject.id}]}}}
  tagged: {levels: {workspace: {permissions: [{permission: doc.view, when: resource.attr.tag in grant.tags}]}}}
  slow: {levels: {workspace: {permissions: [{permission: doc.view, when: resource.attr.tag in grant.tags && now > \"2020-01-01T00:00:00Z\"}]}}}
";

/// Spreads numbers as the random half of a UUIDv7 does.
fn random(n: u64) -> u64 {
    let mut x = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn id(n: u64) -> PlaceId {
    PlaceId((u128::from(0x0190_0000_0000_7000 + n) << 64) | u128::from(random(n)))
}

struct World {
    product: Arc<Product>,
    policy: AccountPolicy,
    places: Places,
    subject: Subject,
    none: Values,
}

fn world(workspaces: u64) -> World {
    let (product, _) = compile(&parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
    let product = Arc::new(product);
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(1 << 100));
    let root = PlaceId::from(account);
    let instances = (0..10).map(|n| (id(1_000_000 + n), root, Level::Instance));
    let rest = (0..workspaces).map(|n| (id(n), id(1_000_000 + n % 10), Level::Workspace));
    let rows = instances.chain(rest).map(|(id, parent, level)| Place {
        id,
        parent,
        level,
        state: PlaceState::Active,
    });
    World {
        policy: AccountPolicy::compile(Arc::clone(&product), vec![], vec![], BTreeMap::new()),
        places: Places::build(account, PlaceState::Active, rows).0,
        subject: "user:user_01h455vb4pex5vsknk084sn02q".parse().unwrap(),
        none: Values::default(),
        product,
    }
}

impl World {
    fn set(&self) -> PermissionSetBuilder {
        let mut set = PermissionSetBuilder::new(self.subject.clone());
        set.member(Member {
            kind: MemberKind::Agent,
            state: MemberState::Active,
            expires_at: None,
        });
        set
    }

    fn doc(&self, n: u64) -> Resource {
        Resource {
            type_no: self.product.type_no("doc").unwrap(),
            id: format!("{:08x}-{:012x}", random(n), n).into(),
            place: id(n % 100),
            owner: Some(self.subject.clone()),
            parent: None,
            attributes: Attributes::stored(json!({"tag": "red"}).as_object().unwrap()),
            registered: 1,
        }
        .retype(&self.product)
    }

    fn permission(&self, name: &str) -> PermissionNo {
        self.product.permission_no(name).unwrap()
    }

    fn decide(&self, sets: &[&PermissionSet], target: Target<'_>, permission: PermissionNo) -> bool {
        let input = DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject: &self.subject,
            disabled: false,
            sets,
            buckets: &[],
            target,
            request: Request {
                attributes: &self.none,
                context: &self.none,
                digest: None,
            },
            audience: Audience::Product,
            now: Timestamp(1_800_000_000_000_000),
        };
        decide(black_box(&input), permission).is_allow()
    }
}

fn bindings(c: &mut Criterion) {
    for workspaces in [100, 100_000] {
        let world = world(workspaces);
        let mut set = world.set();
        let editor = world.policy.role_no("editor").unwrap();
        for n in 0..100 {
            set.bind(editor, id(n), None, None);
        }
        let set = set.build();
        let docs: Vec<Resource> = (0..1_000).map(|n| world.doc(n)).collect();
        let view = world.permission("doc.view");
        let mut next = 0;
        c.bench_function(
            &format!("plain permission, 100 bindings, {workspaces} workspaces"),
            |b| {
                b.iter(|| {
                    next = (next + 1) % docs.len();
                    assert!(world.decide(&[&set], Target::Resource(&[&docs[next]]), view));
                });
            },
        );
        let delete = world.permission("doc.delete");
        c.bench_function(&format!("denied, 100 bindings, {workspaces} workspaces"), |b| {
            b.iter(|| {
                next = (next + 1) % docs.len();
                assert!(!world.decide(&[&set], Target::Resource(&[&docs[next]]), delete));
            });
        });
        c.bench_function(
            &format!("on a scope, 100 bindings, {workspaces} workspaces"),
            |b| {
                b.iter(|| {
                    next = (next + 1) % 100;
                    assert!(world.decide(&[&set], Target::Scope(id(next as u64)), view));
                });
            },
        );
    }
}

fn grants(c: &mut Criterion) {
    let world = world(100);
    let mut set = world.set();
    let view = world.permission("doc.view");
    for doc in (0..100_000).map(|n| world.doc(n)) {
        set.grant_resource(
            doc.type_no,
            doc.id,
            [bailiwick_policy::Pattern::One(view)],
            None,
            None,
        );
    }
    let set = set.build();
    let mut round = 0;
    c.bench_function("100,000 grants, random keys", |b| {
        b.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for start in (0..times).step_by(100) {
                round += 1;
                // The resources are at hand, as a cache has just given them: what is measured is the
                // decision. They are made anew, since 100,000 that are kept would drive the set out of
                // the processor's caches.
                let hot: Vec<Resource> = (start..times.min(start + 100))
                    .map(|n| world.doc(random(round * 1_000_003 + n) % 100_000))
                    .collect();
                let began = Instant::now();
                for doc in &hot {
                    assert!(world.decide(&[&set], Target::Resource(&[doc]), view));
                }
                spent += began.elapsed();
            }
            spent
        });
    });
    let bytes = set.encode();
    c.bench_function("decode 100,000 grants", |b| {
        b.iter(|| PermissionSet::decode(black_box(&bytes)).unwrap())
    });
}

fn conditions(c: &mut Criterion) {
    let world = world(100);
    let docs: Vec<Resource> = (0..1_000).map(|n| world.doc(n)).collect();
    let view = world.permission("doc.view");
    let tags = json!({"tags": ["blue", "green", "red"]});
    let parameters = Some((Level::Workspace, tags.as_object().unwrap()));
    for role in ["owner", "tagged", "slow"] {
        let mut set = world.set();
        let no = world.policy.role_no(role).unwrap();
        for n in 0..100 {
            set.bind(no, id(n), None, parameters);
        }
        let set = set.build().retype(&world.policy);
        let mut next = 0;
        c.bench_function(&format!("condition of role {role}"), |b| {
            b.iter(|| {
                next = (next + 1) % docs.len();
                assert!(world.decide(&[&set], Target::Resource(&[&docs[next]]), view));
            });
        });
    }
}

fn groups(c: &mut Criterion) {
    let world = world(10_000);
    let viewer = world.policy.role_no("viewer").unwrap();
    let editor = world.policy.role_no("editor").unwrap();
    let own = world.set().build();
    let group = |n: u64| {
        let mut set = PermissionSetBuilder::new(format!("group:g{n}").parse().unwrap());
        set.bind(viewer, world.places.account().id, None, None);
        for w in (0..100).filter(|w| w % 4 == n) {
            set.bind(editor, id(w), None, None);
        }
        set.build()
    };
    let groups: Vec<PermissionSet> = (0..4).map(group).collect();
    let sets: Vec<&PermissionSet> = std::iter::once(&own).chain(&groups).collect();
    let docs: Vec<Resource> = (0..1_000).map(|n| world.doc(n)).collect();
    let view = world.permission("doc.view");
    let mut next = 0;
    c.bench_function("by one of four groups", |b| {
        b.iter(|| {
            next = (next + 1) % docs.len();
            assert!(world.decide(&sets, Target::Resource(&[&docs[next]]), view));
        });
    });
}

fn codec(c: &mut Criterion) {
    let world = world(100);
    let mut set = world.set();
    let editor = world.policy.role_no("editor").unwrap();
    for n in 0..100 {
        set.bind(editor, id(n), None, None);
    }
    let set = set.build();
    let bytes = set.encode();
    println!(
        "set of 100 bindings: {} bytes encoded, {} in memory",
        bytes.len(),
        set.weight()
    );
    c.bench_function("decode 100 bindings", |b| {
        b.iter(|| PermissionSet::decode(black_box(&bytes)).unwrap())
    });
    c.bench_function("encode 100 bindings", |b| b.iter(|| black_box(&set).encode()));
}

fn places(c: &mut Criterion) {
    let world = world(100_000);
    println!("{} bytes a place", world.places.weight() / world.places.len());
    let mut next = 0;
    c.bench_function("change one of 100,000 workspaces in a clone", |b| {
        b.iter(|| {
            next = (next + 1) % 100_000;
            let mut places = black_box(&world.places).clone();
            places.set_state(id(next), PlaceState::Suspended).unwrap();
            places
        });
    });
}

criterion_group!(all, bindings, grants, conditions, groups, codec, places);
criterion_main!(all);
