//! A decision allocates nothing: on the hot path that is where time goes and where tails come from.

#![allow(clippy::unwrap_used, reason = "a test may break")]
#![expect(unsafe_code, reason = "counting allocations takes an allocator")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    collections::BTreeMap,
    sync::Arc,
};

use bailiwick_policy::{
    AccountPolicy, Attributes, Audience, DecisionInput, Level, Member, MemberState, Numbers,
    PermissionSetBuilder, Place, PlaceId, PlaceState, Places, Reason, Request, Resource, Target, Values,
    compile, decide,
    manifest::{MemberKind, parse},
};
use bailiwick_types::{AccountId, Subject, Timestamp};
use serde_json::json;

thread_local!(static COUNT: Cell<usize> = const { Cell::new(0) });

struct Counting;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MANIFEST: &str = "
product: quiet
levels: {account: {}, workspace: {}}
subjects: {anonymous: {role: visitor}}
types:
  doc:
    verbs: [view, edit, ship, sign, share, drop]
    implies: {edit: [view]}
    attributes: {tag: {type: string}}
    approvals: {ship: {by: doc.sign}}
roles:
  editor: {levels: {workspace: {permissions: [doc.edit, doc.ship]}}}
  tagged: {levels: {workspace: {permissions: [{permission: doc.share, when: \"resource.attr.tag in grant.tags && !(resource.owner == subject.id)\"}]}}}
  visitor: {levels: {account: {permissions: [doc.sign]}}}
";

#[test]
fn a_decision_allocates_nothing() {
    let (product, _) = compile(&parse(MANIFEST).unwrap(), Numbers::default()).unwrap();
    let policy = AccountPolicy::compile(Arc::new(product), vec![], vec![], BTreeMap::new());
    let account = AccountId::from_uuid(uuid::Uuid::from_u128(1 << 90));
    let (root, workspace) = (PlaceId::from(account), PlaceId(20));
    let place = Place {
        id: workspace,
        parent: root,
        level: Level::Workspace,
        state: PlaceState::Active,
    };
    let (places, _) = Places::build(account, PlaceState::Active, [place]);
    let subject: Subject = "user:ann".parse().unwrap();
    let permission = |name: &str| policy.product().permission_no(name).unwrap();
    let type_no = policy.product().type_no("doc").unwrap();
    let mut set = PermissionSetBuilder::new(subject.clone());
    set.member(Member {
        kind: MemberKind::Agent,
        state: MemberState::Active,
        expires_at: None,
    });
    set.bind(policy.role_no("editor").unwrap(), workspace, None, None);
    let tags = json!({"tags": ["blue", "red"]});
    let parameters = Some((Level::Workspace, tags.as_object().unwrap()));
    set.bind(policy.role_no("tagged").unwrap(), workspace, None, parameters);
    let pattern = policy.product().pattern("doc.drop").unwrap();
    set.grant_resource(type_no, "d1", [pattern], None, None);
    let set = set.build().retype(&policy);
    let resource = Resource {
        type_no,
        id: "d1".into(),
        place: workspace,
        owner: Some("user:eve".parse().unwrap()),
        parent: None,
        attributes: Attributes::stored(json!({"tag": "red"}).as_object().unwrap()),
        registered: 1,
    }
    .retype(policy.product());
    let none = Values::default();
    let input = DecisionInput {
        policy: &policy,
        places: &places,
        subject: &subject,
        disabled: false,
        sets: &[&set],
        buckets: &[],
        target: Target::Resource(&[&resource]),
        request: Request {
            attributes: &none,
            context: &none,
            digest: None,
        },
        audience: Audience::Product,
        now: Timestamp(1),
    };
    for (name, reason) in [
        ("doc.view", Reason::Role),
        ("doc.share", Reason::Role),
        ("doc.drop", Reason::Grant),
        ("doc.sign", Reason::DefaultRole),
        ("doc.ship", Reason::ApprovalRequired),
        ("user.view", Reason::NotApplicable),
    ] {
        let no = permission(name);
        let before = COUNT.get();
        let decision = decide(&input, no);
        assert_eq!((COUNT.get() - before, decision.reason), (0, reason), "{name}");
    }
    let scope = DecisionInput {
        target: Target::Scope(root),
        ..input
    };
    let no = permission("doc.edit");
    let before = COUNT.get();
    let decision = decide(&scope, no);
    assert_eq!((COUNT.get() - before, decision.reason), (0, Reason::NoEntry));
}
