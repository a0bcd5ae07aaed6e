//! What the second cache hands back, without its head, however it came to be there.

use std::sync::OnceLock;

use bailiwick_policy::{
    AccountPolicy, Attributes, Audience, DecisionInput, GrantBucket, Numbers, PermissionSet, Places, Request,
    Resource, Target, Values, compile, decide, explain,
    manifest::{self},
    permissions_held, scopes_held,
};
use bailiwick_types::{AccountId, Subject, Timestamp};

const MANIFEST: &str = "
product: notes
types:
  note: {verbs: [view, edit], attributes: {open: {type: bool}}, approvals: {edit: {by: note.view}}}
roles:
  reader: {levels: {account: {permissions: [{permission: note.view, when: resource.attr.open}, note.edit]}}}
";

fn policy() -> &'static AccountPolicy {
    static MADE: OnceLock<AccountPolicy> = OnceLock::new();
    MADE.get_or_init(|| {
        let manifest = manifest::parse(MANIFEST).expect("it is a manifest");
        let (product, _) = compile(&manifest, Numbers::default()).expect("it compiles");
        AccountPolicy::compile(
            product.into(),
            vec![],
            vec![],
            std::collections::BTreeMap::default(),
        )
    })
}

/// Reads bytes as a set, as a bucket and as a resource. What is read is written as something that is read the
/// same, and every question can be asked of it, whatever roles, places and permissions stand in it.
///
/// # Panics
/// One of these does not hold.
pub(crate) fn run(data: &[u8]) {
    if let Ok(set) = PermissionSet::decode(data) {
        let bytes = set.encode();
        let again = PermissionSet::decode(&bytes).expect("what was written is read");
        assert_eq!(again.encode(), bytes);
        ask(&set, &[], None);
        ask(&set.retype(policy()), &[], None);
    }
    if let Ok(bucket) = GrantBucket::decode(data) {
        let bytes = bucket.encode();
        let again = GrantBucket::decode(&bytes).expect("what was written is read");
        assert_eq!(again.encode(), bytes);
        ask(&PermissionSet::empty(ann()), &[&bucket], None);
    }
    if let Ok(Some(resource)) = Resource::decode(data) {
        let again = Resource::decode(&resource.encode()).expect("what was written is read");
        assert_eq!(again.as_ref(), Some(&resource));
        ask(&PermissionSet::empty(ann()), &[], Some(&resource));
        let resource = resource.retype(policy().product());
        ask(&PermissionSet::empty(ann()), &[], Some(&resource));
    }
}

fn ann() -> Subject {
    "user:ann".parse().expect("a subject")
}

fn ask(set: &PermissionSet, buckets: &[&GrantBucket], resource: Option<&Resource>) {
    let policy = policy();
    let account = AccountId::from_uuid(uuid(1));
    let none = Values::default();
    let note = policy.product().type_no("note").expect("it is there");
    let open = Resource {
        type_no: note,
        id: "n1".into(),
        place: account.into(),
        owner: Some(ann()),
        parent: None,
        attributes: Attributes::default(),
        registered: 5,
    };
    let chain = [resource.unwrap_or(&open)];
    for target in [Target::Resource(&chain), Target::Scope(account.into())] {
        let input = DecisionInput {
            policy,
            places: &Places::new(account),
            subject: set.subject(),
            disabled: false,
            sets: &[set],
            buckets,
            target,
            request: Request {
                attributes: &none,
                context: &none,
                digest: None,
            },
            audience: Audience::Product,
            now: Timestamp(0),
        };
        for name in ["note.view", "note.edit", "account.view"] {
            let permission = policy.product().permission_no(name).expect("it is there");
            assert_eq!(decide(&input, permission), explain(&input, permission).decision);
        }
        std::hint::black_box((permissions_held(&input), scopes_held(&input, None)));
    }
}

fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}
