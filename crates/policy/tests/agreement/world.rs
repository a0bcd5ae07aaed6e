//! Random worlds from a tape of bytes, both as plain facts and as the engine takes them.

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_policy::{
    AccountPolicy, ApprovalTarget, Audience, DecisionInput, GrantBucket, Level, LevelOverlay, Member,
    MemberState, Numbers, OpenApproval, Overlay, Pattern, PermissionSet, PermissionSetBuilder, Place,
    PlaceId, PlaceState, Places, Product, Request, Resource, Target, TypeGrantReach, Value, Values,
    bucket_of, compile,
    manifest::{EntryDecl, MemberKind, parse},
};
use bailiwick_types::{AccountId, ApprovalId, GroupId, Subject, Timestamp};

use crate::reference::{
    Asked, Cond, Facts, Lvl, On, Question, Reach, RefApproval, RefBinding, RefEntry, RefGrant, RefMember,
    RefPlace, RefResource, RefRole, RefRule, State, Val,
};

/// Choices, one byte each; a tape that has run out goes on with zeros, so that shorter tapes are simpler worlds.
pub(crate) struct Tape<'t>(&'t [u8]);

impl<'t> Tape<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        Self(bytes)
    }
    fn below(&mut self, n: usize) -> usize {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        usize::from(*first) % n
    }
    fn one_in(&mut self, n: usize) -> bool {
        // Zero is the common case.
        self.below(n) == n - 1
    }
    fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())].clone()
    }
}

const TYPES: [&str; 3] = ["doc", "part", "folder"];
const VERBS: [&str; 4] = ["v0", "v1", "v2", "v3"];
const SUITE: [&str; 4] = ["account.view", "instance.view", "workspace.view", "user.invite"];
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

fn word(lvl: Lvl) -> &'static str {
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

/// A random world.
pub(crate) struct World {
    pub(crate) facts: Facts,
    pub(crate) policy: AccountPolicy,
    pub(crate) places: Places,
    pub(crate) subject: Subject,
    pub(crate) sets: Vec<PermissionSet>,
    pub(crate) buckets: Vec<GrantBucket>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) yaml: String,
}

fn facts(tape: &mut Tape<'_>) -> (Facts, bool, bool) {
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
    let changes = |tape: &mut Tape<'_>, patterns: &[&str]| {
        let mut list = Vec::new();
        while tape.one_in(3) && list.len() < 3 {
            let role = tape.below(roles.len());
            let lvl = tape.pick(&LEVELS);
            if roles[role].levels.contains_key(&lvl) {
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
        .map(|(parent, level)| RefPlace {
            parent,
            level,
            state: state(tape),
        })
        .to_vec();
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
    let subjects = [subject, subject, subject, "group:g0", "group:g1", "group:other"].map(str::to_owned);
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
        removed,
        added,
        agent,
        customer,
        anonymous,
        members_only: !tape.one_in(4),
        places,
        subject: subject.to_owned(),
        disabled: tape.one_in(32),
        member,
        groups: [("group:g0", tape.one_in(2)), ("group:g1", tape.one_in(2))]
            .into_iter()
            .filter(|(_, there)| *there)
            .map(|(name, _)| name.to_owned())
            .collect(),
        bindings,
        grants,
        resources,
        approvals,
    };
    (facts, has_rule, switched)
}

fn yaml(facts: &Facts, has_rule: bool, switched: bool) -> String {
    let implied = |of: &str| {
        let mut by_verb: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (a, b) in facts.implies.iter().filter(|(a, _)| a.starts_with(of)) {
            by_verb
                .entry(a.split_once('.').unwrap().1)
                .or_default()
                .push(b.split_once('.').unwrap().1);
        }
        let parts: Vec<String> = by_verb
            .iter()
            .map(|(verb, to)| format!("{verb}: [{}]", to.join(", ")))
            .collect();
        format!("{{{}}}", parts.join(", "))
    };
    let verbs = VERBS.join(", ");
    let rule = if has_rule {
        "{v0: {by: doc.v3, serves: stays, when_setting: ask}}"
    } else {
        "{}"
    };
    let mut text = format!(
        "product: random
levels: {{account: {{}}, instance: {{}}, workspace: {{}}}}
settings: {{ask: {{type: bool, default: {switched}}}}}
types:
  doc:
    verbs: [{verbs}]
    implies: {}
    approvals: {rule}
    attributes:
      {{who: {{type: subject}}, open: {{type: bool}}, asked: {{type: bool, from: request}}, size: {{type: int}},
       tag: {{type: string, from: request}}, label: {{type: string}}}}
    grants: {{v0: resource.attr.tag in grant.tags}}
  part:
    verbs: [{verbs}]
    implies: {}
    on: [doc]
    attributes: {{open: {{type: bool, from: request}}, label: {{type: string, from: request}}}}
    grants: {{v0: resource.attr.label in grant.labels}}
  folder: {{verbs: [{verbs}]}}
subjects:
  user: {}
",
        implied("doc"),
        implied("part"),
        if facts.members_only { "members" } else { "external" },
    );
    let role = |no: Option<usize>| no.map_or("{}".to_owned(), |no| format!("{{role: r{no}}}"));
    text += &format!(
        "  kinds: {{agent: {}, customer: {}}}\n",
        role(facts.agent),
        role(facts.customer)
    );
    text += &format!("  anonymous: {}\nroles:\n", role(facts.anonymous));
    for (no, role) in facts.roles.iter().enumerate() {
        let includes: Vec<String> = role.includes.iter().map(|other| format!("r{other}")).collect();
        text += &format!("  r{no}:\n    includes: [{}]\n    levels:\n", includes.join(", "));
        for (lvl, entries) in &role.levels {
            text += &format!("      {}:\n        permissions:\n", word(*lvl));
            if entries.is_empty() {
                text = text.trim_end().to_owned() + " []\n";
            }
            for entry in entries {
                text += &format!("          - permission: \"{}\"\n", entry.pattern);
                text += &format!("            except: [{}]\n", quoted(&entry.except));
                if let Some(when) = &entry.when {
                    text += &format!("            when: '{}'\n", when.text());
                }
                match entry.rule {
                    RefRule::OfType => {}
                    RefRule::None => text += "            approval: none\n",
                    RefRule::Own => text += "            approval: {by: doc.v3}\n",
                }
            }
        }
    }
    text
}

fn quoted(texts: &[String]) -> String {
    texts
        .iter()
        .map(|text| format!("\"{text}\""))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn place_id(place: usize) -> PlaceId {
    PlaceId((0x0190_u128 << 112) | (place as u128 + 10))
}

fn values(of: &BTreeMap<String, Val>) -> Values {
    of.iter()
        .map(|(name, value)| {
            let text = |text: &String| Value::Text(text.as_str().into());
            let value = match value {
                Val::Bool(truth) => Value::Bool(*truth),
                Val::Int(number) => Value::Int(*number),
                Val::Subject(subject) => Value::Subject(subject.parse().unwrap()),
                Val::Text(one) => text(one),
                Val::Texts(many) => Value::List(many.iter().map(text).collect()),
            };
            (name.as_str(), value)
        })
        .collect()
}

fn at(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp)
}

fn set_of(facts: &Facts, product: &Product, subject: &str) -> PermissionSetBuilder {
    let mut set = PermissionSetBuilder::new(subject.parse().unwrap());
    if subject == facts.subject {
        if let Some(member) = &facts.member {
            set.member(Member {
                kind: if member.kind == "agent" {
                    MemberKind::Agent
                } else {
                    MemberKind::Customer
                },
                state: if member.suspended {
                    MemberState::Suspended
                } else {
                    MemberState::Active
                },
                expires_at: at(member.expires),
            });
        }
        for (i, approval) in (1_u128..).zip(&facts.approvals) {
            set.approval(OpenApproval {
                id: ApprovalId::from_uuid(uuid::Uuid::from_u128(i)),
                permission: product.permission_no(&approval.permission).unwrap(),
                target: match approval.on {
                    Asked::Place(place) => ApprovalTarget::Place(place_id(place)),
                    Asked::Resource(i) => ApprovalTarget::Resource(
                        product.type_no(facts.resources[i].of).unwrap(),
                        format!("r{i}").into(),
                    ),
                    Asked::Unknown => unreachable!("approvals are for known targets"),
                },
                digest: approval.digest.as_deref().map(Into::into),
                approved: approval.approved,
                expires_at: at(approval.expires),
            });
        }
    }
    for group in facts.groups.iter().filter(|_| subject == facts.subject) {
        set.group(GroupId::from_uuid(uuid::Uuid::from_u128(group.len() as u128)));
    }
    for binding in facts.bindings.iter().filter(|binding| binding.subject == subject) {
        let role = product.role_no(&format!("r{}", binding.role)).unwrap();
        set.bind(
            role,
            place_id(binding.place),
            at(binding.expires),
            Some(values(&binding.params)),
        );
    }
    for grant in facts.grants.iter().filter(|grant| grant.subject == subject) {
        let patterns: Vec<Pattern> = grant
            .patterns
            .iter()
            .map(|text| product.pattern(text).unwrap())
            .collect();
        let (expires, params) = (at(grant.expires), Some(values(&grant.params)));
        match &grant.on {
            On::Place(place) => set.grant_scope(place_id(*place), patterns, expires, params),
            On::Type(place, of, reach) => {
                let reach = match reach {
                    Reach::All => TypeGrantReach::All,
                    Reach::Existing(at) => TypeGrantReach::Existing(*at),
                    Reach::Future(at) => TypeGrantReach::Future(*at),
                };
                set.grant_type(
                    product.type_no(of).unwrap(),
                    place_id(*place),
                    reach,
                    patterns,
                    expires,
                    params,
                )
            }
            On::Resource(i) => {
                let of = product.type_no(facts.resources[*i].of).unwrap();
                set.grant_resource(of, format!("r{i}"), patterns, expires, params)
            }
        };
    }
    set
}

impl World {
    pub(crate) fn make(tape: &mut Tape<'_>) -> Self {
        let (facts, has_rule, switched) = facts(tape);
        let yaml = yaml(&facts, has_rule, switched);
        let manifest = parse(&yaml).unwrap_or_else(|errors| panic!("{yaml}\n{errors:#?}"));
        let (product, _) = compile(&manifest, Numbers::default()).unwrap();
        let product = Arc::new(product);
        let mut overlays: BTreeMap<usize, BTreeMap<Level, LevelOverlay>> = BTreeMap::new();
        for (role, lvl, pattern) in &facts.removed {
            overlays
                .entry(*role)
                .or_default()
                .entry(level(*lvl))
                .or_default()
                .remove
                .push(pattern.clone());
        }
        for (role, lvl, pattern) in &facts.added {
            let add = EntryDecl::plain(pattern.as_str());
            overlays
                .entry(*role)
                .or_default()
                .entry(level(*lvl))
                .or_default()
                .add
                .push(add);
        }
        let overlays = overlays.into_iter().map(|(role, levels)| Overlay {
            role: product.role_no(&format!("r{role}")).unwrap(),
            levels,
        });
        let policy =
            AccountPolicy::compile(Arc::clone(&product), vec![], overlays.collect(), BTreeMap::new());
        assert_eq!(policy.faults(), [], "{yaml}");
        let state = |state| match state {
            State::Active => PlaceState::Active,
            State::Suspended => PlaceState::Suspended,
            State::Moving => PlaceState::Moving,
            State::Deleted => PlaceState::Deleted,
        };
        let rows = facts.places.iter().enumerate().skip(1).map(|(i, place)| Place {
            id: place_id(i),
            parent: place_id(place.parent.unwrap()),
            level: level(place.level),
            state: state(place.state),
        });
        let account = AccountId::from_uuid(uuid::Uuid::from_u128(place_id(0).0));
        let (places, refused) = Places::build(account, state(facts.places[0].state), rows);
        assert_eq!(refused, []);
        let (mut sets, mut buckets) = (Vec::new(), Vec::new());
        for subject in std::iter::once(&facts.subject).chain(&facts.groups) {
            let built = set_of(&facts, &product, subject);
            if tape.one_in(4) {
                let (set, of_set) = built.build_split(3);
                sets.push(set);
                buckets.extend(of_set);
            } else {
                sets.push(built.build());
            }
        }
        // What is cached outside the process has to answer as what was built.
        if tape.one_in(2) {
            sets = sets
                .iter()
                .map(|set| PermissionSet::decode(&set.encode()).unwrap())
                .collect();
            buckets = buckets
                .iter()
                .map(|bucket| GrantBucket::decode(&bucket.encode()).unwrap())
                .collect();
        }
        let resources = facts.resources.iter().enumerate().map(|(i, resource)| Resource {
            type_no: product.type_no(resource.of).unwrap(),
            id: format!("r{i}").into(),
            place: place_id(resource.place),
            owner: resource.owner.as_deref().map(|owner| owner.parse().unwrap()),
            parent: resource.parent.map(|p| {
                (
                    product.type_no(facts.resources[p].of).unwrap(),
                    format!("r{p}").into(),
                )
            }),
            attributes: values(&resource.attrs),
            registered: resource.registered,
        });
        let resources: Vec<Resource> = resources.collect();
        let subject = facts.subject.parse().unwrap();
        Self {
            policy,
            places,
            subject,
            sets,
            buckets,
            resources,
            facts,
            yaml,
        }
    }

    pub(crate) fn question(&self, tape: &mut Tape<'_>) -> Question {
        let on = match tape.below(16) {
            15 => Asked::Unknown,
            n if n < 6 => Asked::Place(tape.below(self.facts.places.len())),
            _ => Asked::Resource(tape.below(self.resources.len())),
        };
        let of = match on {
            Asked::Resource(i) if !tape.one_in(6) => self.facts.resources[i].of,
            _ => tape.pick(&["doc", "part", "folder"]),
        };
        let permission = match tape.below(8) {
            7 => tape.pick(&SUITE).to_owned(),
            _ => format!("{of}.{}", tape.pick(&VERBS)),
        };
        let mut attrs = BTreeMap::new();
        for name in ["open", "asked"] {
            if tape.one_in(2) {
                attrs.insert(name.to_owned(), Val::Bool(tape.one_in(2)));
            }
        }
        for name in ["tag", "label"] {
            if tape.one_in(2) {
                attrs.insert(name.to_owned(), Val::Text(tape.pick(&["x", "y", "z"]).to_owned()));
            }
        }
        if tape.one_in(2) {
            attrs.insert("who".to_owned(), Val::Subject(self.facts.subject.clone()));
        }
        let digest = tape.one_in(2).then(|| tape.pick(&["d1", "d2"]).to_owned());
        Question {
            permission,
            on,
            attrs,
            digest,
            now: NOW,
        }
    }

    /// Asks about all resources at once.
    pub(crate) fn ask_of_all<T>(
        &self,
        attrs: &BTreeMap<String, Val>,
        answer: impl FnOnce(&DecisionInput<'_>) -> T,
    ) -> T {
        let sets: Vec<&PermissionSet> = self.sets.iter().collect();
        let buckets: Vec<&GrantBucket> = self.buckets.iter().collect();
        let (attributes, context) = (values(attrs), Values::default());
        answer(&DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject: &self.subject,
            disabled: self.facts.disabled,
            sets: &sets,
            buckets: &buckets,
            target: Target::Absent,
            request: Request {
                attributes: &attributes,
                context: &context,
                digest: None,
            },
            audience: Audience::Product,
            now: Timestamp(NOW),
        })
    }

    pub(crate) fn ask<T>(&self, question: &Question, answer: impl FnOnce(&DecisionInput<'_>) -> T) -> T {
        let sets: Vec<&PermissionSet> = self.sets.iter().collect();
        let mut chain = Vec::new();
        let mut next = match question.on {
            Asked::Resource(i) => Some(i),
            _ => None,
        };
        while let Some(i) = next {
            chain.push(&self.resources[i]);
            next = self.facts.resources[i].parent;
        }
        let wanted = |bucket: &&GrantBucket| {
            chain
                .iter()
                .any(|r| bucket_of(r.type_no, &r.id, bucket.number().1) == bucket.number().0)
        };
        let buckets: Vec<&GrantBucket> = self.buckets.iter().filter(wanted).collect();
        let (attributes, context) = (values(&question.attrs), Values::default());
        answer(&DecisionInput {
            policy: &self.policy,
            places: &self.places,
            subject: &self.subject,
            disabled: self.facts.disabled,
            sets: &sets,
            buckets: &buckets,
            target: match question.on {
                Asked::Place(place) => Target::Scope(place_id(place)),
                Asked::Resource(_) => Target::Resource(&chain),
                Asked::Unknown => Target::Absent,
            },
            request: Request {
                attributes: &attributes,
                context: &context,
                digest: question.digest.as_deref(),
            },
            audience: Audience::Product,
            now: Timestamp(question.now),
        })
    }
}
