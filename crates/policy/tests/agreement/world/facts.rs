//! Plain facts from a tape of bytes.

use std::collections::BTreeMap;

use bailiwick_policy::Level;

use crate::reference::{
    Asked, Cond, Facts, Lvl, On, Reach, RefApproval, RefBinding, RefEntry, RefGrant, RefMember, RefPlace,
    RefResource, RefRole, RefRule, State, Val,
};

/// Choices, one byte each; a tape that has run out goes on with zeros, so that shorter tapes
/// are simpler worlds.
pub(crate) struct Tape<'t>(&'t [u8]);

impl<'t> Tape<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        Self(bytes)
    }
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        usize::from(*first) % n
    }
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        // Zero is the common case.
        self.below(n) == n - 1
    }
    pub(crate) fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

pub(crate) const TYPES: [&str; 3] = ["doc", "part", "folder"];
pub(crate) const VERBS: [&str; 4] = ["v0", "v1", "v2", "v3"];
pub(crate) const SUITE: [&str; 4] = ["account.view", "instance.view", "workspace.view", "user.invite"];
/// What the suite's types imply, as far as the questions go.
const SUITE_VERBS: [(&str, [&str; 2]); 4] = [
    ("account", ["view", "edit"]),
    ("instance", ["view", "edit"]),
    ("workspace", ["view", "edit"]),
    ("user", ["view", "invite"]),
];
const PATTERNS: [&str; 12] = [
    "doc.v0",
    "doc.v1",
    "doc.v2",
    "part.v0",
    "part.v1",
    "folder.v0",
    "doc.*",
    "part.*",
    "*",
    "workspace.view",
    "user.*",
    "instance.edit",
];
const LEVELS: [Lvl; 3] = [Lvl::Account, Lvl::Instance, Lvl::Workspace];
pub(crate) const NOW: i64 = 30_000_000;

pub(crate) fn level(lvl: Lvl) -> Level {
    match lvl {
        Lvl::Account => Level::Account,
        Lvl::Instance => Level::Instance,
        Lvl::Workspace => Level::Workspace,
    }
}

pub(crate) fn word(lvl: Lvl) -> &'static str {
    level(lvl).as_str()
}

fn cond(tape: &mut Tape<'_>, depth: usize) -> Cond {
    match tape.below(if depth == 0 { 9 } else { 12 }) {
        0 => Cond::OwnerIsSubject,
        1 => Cond::AttrIsSubject("who"),
        2 => Cond::AttrTrue("open"),
        3 => Cond::AttrTrue("asked"),
        4 => Cond::AttrBelow("size", 5),
        5 => Cond::AttrInParam("tag", "tags"),
        6 => Cond::KindIs(tape.pick(&["agent", "customer"])),
        7 => Cond::Before(tape.pick(&[20, 40])),
        8 => Cond::AttrInParam("label", "labels"),
        9 => Cond::Not(Box::new(cond(tape, depth - 1))),
        10 => Cond::And(Box::new(cond(tape, depth - 1)), Box::new(cond(tape, depth - 1))),
        _ => Cond::Or(Box::new(cond(tape, depth - 1)), Box::new(cond(tape, depth - 1))),
    }
}

fn expiry(tape: &mut Tape<'_>) -> Option<i64> {
    match tape.below(8) {
        6 => Some(NOW),
        7 => Some(NOW - 1),
        5 => Some(NOW + 1),
        _ => None,
    }
}

fn params(tape: &mut Tape<'_>) -> BTreeMap<String, Val> {
    let mut params = BTreeMap::new();
    for name in ["tags", "labels"] {
        if tape.one_in(3) {
            let texts = (0..tape.below(3))
                .map(|_| tape.pick(&["x", "y", "z"]).to_owned())
                .collect();
            params.insert(name.to_owned(), Val::Texts(texts));
        }
    }
    params
}

fn entry(tape: &mut Tape<'_>) -> RefEntry {
    let pattern = tape.pick(&PATTERNS).to_owned();
    let mut except = Vec::new();
    if pattern == "*" && tape.one_in(2) {
        except.push(
            tape.pick(&["doc.v1", "part.*", "user.invite", "workspace.view"])
                .to_owned(),
        );
    }
    if pattern == "doc.*" && tape.one_in(2) {
        except.push(tape.pick(&["doc.v0", "doc.v2"]).to_owned());
    }
    // Conditions on attributes fit those entries that reach types which declare them.
    let reaches = pattern == "*" || pattern.starts_with("doc") || pattern.starts_with("part");
    let when = (reaches && tape.one_in(2)).then(|| cond(tape, 2));
    let rule = match tape.below(6) {
        4 => RefRule::None,
        5 if pattern.starts_with("doc.v") && pattern != "doc.v3" => RefRule::Own,
        _ => RefRule::OfType,
    };
    RefEntry {
        pattern,
        except,
        when,
        rule,
    }
}

pub(crate) fn facts(tape: &mut Tape<'_>) -> (Facts, bool, bool) {
    let mut implies = vec![
        ("account.edit", "account.view"),
        ("instance.edit", "instance.view"),
        ("workspace.edit", "workspace.view"),
    ];
    let possible = [
        ("doc.v0", "doc.v1"),
        ("doc.v1", "doc.v2"),
        ("doc.v0", "doc.v2"),
        ("part.v1", "part.v0"),
    ];
    for pair in possible {
        if tape.one_in(2) {
            implies.push(pair);
        }
    }
    let (has_rule, switched) = (tape.one_in(2), !tape.one_in(3));
    let mut verbs: Vec<(&str, Vec<&str>)> = TYPES.iter().map(|of| (*of, VERBS.to_vec())).collect();
    verbs.extend(SUITE_VERBS.iter().map(|(of, verbs)| (*of, verbs.to_vec())));
    let roles = (0..5).map(|i| RefRole {
        levels: {
            let mut levels = BTreeMap::new();
            for (n, lvl) in LEVELS.into_iter().enumerate() {
                if n == i % 3 || tape.one_in(2) {
                    levels.insert(lvl, (0..tape.below(4)).map(|_| entry(tape)).collect());
                }
            }
            levels
        },
        includes: if i > 0 && tape.one_in(3) {
            vec![tape.below(i)]
        } else {
            Vec::new()
        },
    });
    let roles: Vec<RefRole> = roles.collect();
    let account_role = |tape: &mut Tape<'_>| {
        let role = tape.below(roles.len());
        (tape.one_in(2) && roles[role].levels.contains_key(&Lvl::Account)).then_some(role)
    };
    let (agent, customer, anonymous) = (account_role(tape), account_role(tape), account_role(tape));
    // The last role, which no other includes, may be one of the account's own.
    let last = roles.len() - 1;
    let is_default = [agent, customer, anonymous].contains(&Some(last));
    let own_role = (!is_default && tape.one_in(2)).then_some(last);
    let changes = |tape: &mut Tape<'_>, patterns: &[&str]| {
        let mut list = Vec::new();
        while tape.one_in(3) && list.len() < 3 {
            let role = tape.below(roles.len());
            let lvl = tape.pick(&LEVELS);
            if roles[role].levels.contains_key(&lvl) && own_role != Some(role) {
                list.push((role, lvl, tape.pick(patterns).to_owned()));
            }
        }
        list
    };
    let removed: Vec<(usize, Lvl, String)> = changes(tape, &["doc.v1", "doc.*", "part.v0", "workspace.view"]);
    let added = changes(tape, &["doc.v2", "part.*", "user.invite"]);
    let state = |tape: &mut Tape<'_>| match tape.below(80) {
        77 => State::Suspended,
        78 => State::Moving,
        79 => State::Deleted,
        _ => State::Active,
    };
    let tree = [
        (None, Lvl::Account),
        (Some(0), Lvl::Instance),
        (Some(0), Lvl::Instance),
        (Some(1), Lvl::Workspace),
        (Some(1), Lvl::Workspace),
        (Some(2), Lvl::Workspace),
        (Some(0), Lvl::Workspace),
    ];
    let places = tree
        .map(|(parent, level)| {
            let moved = level == Lvl::Workspace && tape.one_in(3);
            RefPlace {
                parent,
                moved_to: moved.then(|| tape.below(3)),
                level,
                state: match level {
                    Lvl::Account if tape.one_in(8) => State::Restricted,
                    _ => state(tape),
                },
            }
        })
        .to_vec();
    let kept = ["doc.v1", "doc.v2", "part.*", "user.invite", "workspace.view"];
    let restricted = kept.into_iter().filter(|_| tape.one_in(2)).collect();
    let subject = tape.pick(&[
        "user:u1",
        "user:u1",
        "user:u1",
        "service:s1",
        "anonymous:x",
        "github:7",
    ]);
    let member = (!tape.one_in(20)).then(|| RefMember {
        kind: tape.pick(&["agent", "customer"]),
        suspended: tape.one_in(24),
        expires: expiry(tape),
    });
    let subjects = [
        subject,
        subject,
        subject,
        "group:g0",
        "group:g1",
        "group:g2",
        "group:other",
    ]
    .map(str::to_owned);
    let bindings = (0..tape.below(16)).map(|_| RefBinding {
        subject: tape.pick(&subjects),
        role: tape.below(roles.len()),
        place: tape.below(tree.len()),
        expires: expiry(tape),
        params: params(tape),
    });
    let bindings = bindings
        .collect::<Vec<_>>()
        .into_iter()
        .filter(|b| roles[b.role].levels.contains_key(&tree[b.place].1));
    let bindings = bindings.collect();
    let value = |tape: &mut Tape<'_>, name: &str| match name {
        "who" => Val::Subject(
            tape.pick(&["user:u1", "user:u2", "service:s1", "service:u1"])
                .to_owned(),
        ),
        "open" | "asked" => Val::Bool(tape.one_in(2)),
        "size" => Val::Int(i64::try_from(tape.below(10)).unwrap()),
        _ => Val::Text(tape.pick(&["x", "y", "z"]).to_owned()),
    };
    let mut resources = Vec::new();
    for (i, of) in ["folder", "doc", "doc", "part", "doc"].into_iter().enumerate() {
        let names: &[&str] = match of {
            "doc" => &["who", "open", "asked", "size", "tag"],
            "part" => &["open", "label"],
            _ => &[],
        };
        let mut attrs = BTreeMap::new();
        for name in names {
            if tape.one_in(2) {
                attrs.insert((*name).to_owned(), value(tape, name));
            }
        }
        resources.push(RefResource {
            of,
            place: tape.below(tree.len()),
            owner: tape
                .one_in(2)
                .then(|| tape.pick(&["user:u1", "user:u2", "anonymous:x"]).to_owned()),
            parent: if i > 0 && tape.one_in(2) {
                Some(tape.below(i))
            } else {
                None
            },
            attrs,
            registered: tape.below(4) as u64,
        });
    }
    let grants = (0..tape.below(12)).map(|_| RefGrant {
        subject: tape.pick(&subjects),
        patterns: (0..=tape.below(2))
            .map(|_| tape.pick(&PATTERNS).to_owned())
            .collect(),
        on: match tape.below(3) {
            0 => On::Resource(tape.below(resources.len())),
            1 => On::Place(tape.below(tree.len())),
            _ => {
                let at = tape.below(4) as u64;
                let reach = [Reach::All, Reach::Existing(at), Reach::Future(at)][tape.below(3)];
                On::Type(tape.below(tree.len()), tape.pick(&TYPES), reach)
            }
        },
        expires: expiry(tape),
        params: params(tape),
    });
    let grants = grants.collect();
    let asked = |tape: &mut Tape<'_>| {
        if tape.one_in(3) {
            Asked::Place(tape.below(tree.len()))
        } else {
            Asked::Resource(tape.below(resources.len()))
        }
    };
    let approvals = (0..tape.below(8)).map(|_| RefApproval {
        permission: tape.pick(&["doc.v0", "doc.v1"]).to_owned(),
        on: asked(tape),
        digest: tape.one_in(2).then(|| tape.pick(&["d1", "d2"]).to_owned()),
        approved: !tape.one_in(3),
        expires: expiry(tape),
    });
    let approvals = approvals.collect();
    let facts = Facts {
        verbs,
        implies: implies
            .into_iter()
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect(),
        on: vec![("part", "doc")],
        declared: vec![
            ("doc", "who", false),
            ("doc", "open", false),
            ("doc", "asked", true),
            ("doc", "size", false),
            ("doc", "tag", true),
            ("doc", "label", false),
            ("part", "open", true),
            ("part", "label", true),
        ],
        ruled: if has_rule && switched {
            vec!["doc.v0".to_owned()]
        } else {
            Vec::new()
        },
        granted_when: vec![
            ("doc.v0".to_owned(), Cond::AttrInParam("tag", "tags")),
            ("part.v0".to_owned(), Cond::AttrInParam("label", "labels")),
        ],
        roles,
        own_role,
        removed,
        added,
        agent,
        customer,
        anonymous,
        members_only: !tape.one_in(4),
        places,
        restricted,
        subject: subject.to_owned(),
        disabled: tape.one_in(32),
        member,
        inside: [
            (subject, "group:g0"),
            (subject, "group:g1"),
            ("group:g0", "group:g2"),
            ("group:g1", "group:g0"),
            ("group:g1", "group:g2"),
        ]
        .into_iter()
        .filter(|_| tape.one_in(2))
        .map(|(inner, outer)| (inner.to_owned(), outer.to_owned()))
        .collect(),
        bindings,
        grants,
        resources,
        approvals,
    };
    (facts, has_rule, switched)
}
