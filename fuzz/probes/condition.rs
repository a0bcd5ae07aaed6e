//! A condition, as text in a manifest or in a role of an account's own.

use std::sync::{Arc, OnceLock};

use bailiwick_policy::{
    AccountPolicy, Attributes, Audience, DecisionInput, Member, MemberState, Numbers, Outcome,
    PermissionSetBuilder, Places, Request, Resource, Target, Value, Values, compile, decide, explain,
    manifest::{self, EntryDecl, Manifest, MemberKind, RoleLevelDecl},
};
use bailiwick_types::{AccountId, Level, Subject, Timestamp};

const MANIFEST: &str = "
product: notes
context: {office: {type: bool}, level: {type: int}, at: {type: timestamp}}
types:
  note:
    verbs: [view, edit]
    attributes:
      who: {type: subject}
      open: {type: bool}
      size: {type: int}
      tag: {type: string, from: request}
      due: {type: timestamp}
      crew: {type: subject_list}
      tags: {type: string_list}
roles:
  once: {levels: {account: {permissions: [note.edit]}}}
  thrice: {levels: {account: {permissions: [note.edit]}}}
";

fn manifest() -> &'static Manifest {
    static MADE: OnceLock<Manifest> = OnceLock::new();
    MADE.get_or_init(|| manifest::parse(MANIFEST).expect("it is a manifest"))
}

/// Gives both roles one condition; the second one says it with two negations.
fn with(condition: &str) -> Option<Manifest> {
    let mut manifest = manifest().clone();
    for (role, when) in [
        ("once", condition.to_owned()),
        ("thrice", format!("!(!({condition}))")),
    ] {
        let entry = EntryDecl {
            when: Some(when),
            ..EntryDecl::plain("note.view")
        };
        let level = RoleLevelDecl {
            permissions: vec![entry],
            assigns: vec![],
        };
        manifest.roles.get_mut(role)?.levels.insert(Level::Account, level);
    }
    Some(manifest)
}

/// Reads a condition; one that is accepted is decided the same by the fast path and by the slow one (to
/// which two negations lead), on a resource with everything, on one with nothing and on a scope, and
/// explained the same.
///
/// # Panics
/// The two do not agree, or a fault has no message.
pub(crate) fn run(data: &[u8]) {
    let Some(manifest) = std::str::from_utf8(data).ok().and_then(with) else {
        return;
    };
    let faults = manifest.check();
    if !faults.is_empty() {
        assert!(faults.iter().all(|fault| !fault.message.is_empty()), "{faults:?}");
        return;
    }
    let (product, _) = compile(&manifest, Numbers::default()).expect("what is accepted compiles");
    let policy = AccountPolicy::compile(
        Arc::new(product),
        vec![],
        vec![],
        std::collections::BTreeMap::default(),
    );
    let product = policy.product();
    let note = product.type_no("note").expect("it is there");
    let view = product.permission_no("note.view").expect("it is there");
    let account: AccountId = "acct_01h455vb4pex5vsknk084sn02q".parse().expect("an id");
    let ann: Subject = "user:ann".parse().expect("a subject");
    let json = serde_json::json!({"who": "ann", "open": true, "size": 7, "due": "2026-03-01T00:00:00Z",
        "crew": ["bob", "ann"], "tags": ["a", "b"]});
    let full = Attributes::stored(json.as_object().expect("a map"));
    let resource = |owner: Option<Subject>, attributes: Attributes| {
        let resource = Resource {
            type_no: note,
            id: "n1".into(),
            place: account.into(),
            owner,
            parent: None,
            attributes,
            registered: 1,
        };
        resource.retype(product)
    };
    let resources = [
        resource(Some(ann.clone()), full),
        resource(None, Attributes::default()),
    ];
    let request: Values = [("tag", Value::Text("red".into()))].into_iter().collect();
    let context: Values = [("office", Value::Bool(true)), ("level", Value::Int(3))]
        .into_iter()
        .collect();
    let none = Values::default();
    let places = Places::new(account);
    let outcome = |role: &str, target: Target<'_>, said: bool| -> Outcome {
        let mut set = PermissionSetBuilder::new(ann.clone());
        set.member(Member {
            kind: MemberKind::Agent,
            state: MemberState::Active,
            expires_at: None,
        });
        set.bind(
            policy.role_no(role).expect("it is there"),
            account.into(),
            None,
            None,
        );
        let set = set.build();
        let input = DecisionInput {
            policy: &policy,
            places: &places,
            subject: &ann,
            disabled: false,
            sets: &[&set],
            buckets: &[],
            target,
            request: Request {
                attributes: if said { &request } else { &none },
                context: if said { &context } else { &none },
                digest: None,
            },
            audience: Audience::Product,
            now: Timestamp(1_770_000_000_000_000),
        };
        let decision = decide(&input, view);
        assert_eq!(explain(&input, view).decision, decision);
        decision.outcome
    };
    for said in [true, false] {
        for at in &resources {
            let chain = [at];
            let (fast, slow) = (
                outcome("once", Target::Resource(&chain), said),
                outcome("thrice", Target::Resource(&chain), said),
            );
            assert_eq!(fast, slow, "on a resource");
        }
        let on_scope = |role| outcome(role, Target::Scope(account.into()), said);
        assert_eq!(on_scope("once"), on_scope("thrice"), "on a scope");
    }
}
