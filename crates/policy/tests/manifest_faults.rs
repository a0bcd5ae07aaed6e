//! Every kind of fault in a manifest has a message of its own, with its place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

use bailiwick_policy::manifest::{ManifestError, parse};

const HEAD: &str = "product: shop\n";

/// What is wrong, the YAML after `product: shop`, then line (of the whole), path and a part of the message.
const CASES: &[(&str, &str, u64, &str, &str)] = &[
    (
        "unknown top key",
        "rolez: {}",
        2,
        "rolez",
        "unknown key `rolez`; known are `product`",
    ),
    (
        "unknown key in a type",
        "types: {a: {verbs: [view], verb: [x]}}",
        2,
        "types.a.verb",
        "unknown key `verb`",
    ),
    (
        "unknown key in a role",
        "roles: {r: {level: {}}}",
        2,
        "roles.r.level",
        "unknown key `level`",
    ),
    (
        "unknown key in an entry",
        "roles: {r: {levels: {account: {permissions: [{permission: \"*\", unless: x}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].unless",
        "unknown key `unless`",
    ),
    (
        "duplicated key",
        "types:\n  a: {verbs: [view]}\n  a: {verbs: [edit]}",
        4,
        "types.a",
        "key `a` is there already",
    ),
    (
        "duplicated key deep inside",
        "types:\n  a:\n    verbs: [view]\n    verbs: [edit]",
        5,
        "types.a.verbs",
        "key `verbs` is there already",
    ),
    (
        "a list where a map belongs",
        "types: [a]",
        2,
        "types",
        "expected a map, found a list",
    ),
    (
        "a text where a list belongs",
        "types: {a: {verbs: view}}",
        2,
        "types.a.verbs",
        "expected a list, found a text",
    ),
    (
        "a number where a text belongs",
        "types: {a: {verbs: [1]}}",
        2,
        "types.a.verbs[0]",
        "expected a text, found a number",
    ),
    (
        "verbs missing",
        "types: {a: {}}",
        2,
        "types.a.verbs",
        "`verbs` is missing",
    ),
    (
        "no verbs",
        "types: {a: {verbs: []}}",
        2,
        "types.a.verbs",
        "at least one verb",
    ),
    (
        "verb named twice",
        "types: {a: {verbs: [view, view]}}",
        2,
        "types.a.verbs[1]",
        "verb `view` is there already",
    ),
    (
        "bad verb",
        "types: {a: {verbs: [\"View\"]}}",
        2,
        "types.a.verbs[0]",
        "lower-case letters",
    ),
    (
        "bad type name",
        "types: {\"a-b\": {verbs: [view]}}",
        2,
        "types.a-b",
        "lower-case letters",
    ),
    (
        "the suite's own type",
        "types: {user: {verbs: [greet]}}",
        2,
        "types.user",
        "type `user` is the suite's own",
    ),
    (
        "implies of an unknown verb",
        "types: {a: {verbs: [view], implies: {edit: [view]}}}",
        2,
        "types.a.implies.edit",
        "unknown verb `edit`",
    ),
    (
        "unknown implied verb",
        "types: {a: {verbs: [view], implies: {view: [edit]}}}",
        2,
        "types.a.implies.view[0]",
        "unknown verb `edit`",
    ),
    (
        "implies in a circle",
        "types: {a: {verbs: [x, y], implies: {x: [y], y: [x]}}}",
        2,
        "types.a.implies.x",
        "verb `x` implies itself",
    ),
    (
        "asked on an unknown type",
        "types: {a: {verbs: [view], on: [b]}}",
        2,
        "types.a.on[0]",
        "unknown type `b`",
    ),
    (
        "asked on itself",
        "types: {a: {verbs: [view], on: [a]}}",
        2,
        "types.a.on[0]",
        "asked on itself anyway",
    ),
    (
        "asked on a scope",
        "types: {a: {verbs: [view], on: [workspace]}}",
        2,
        "types.a.on[0]",
        "asked on every scope anyway",
    ),
    (
        "bad attribute type",
        "types: {a: {verbs: [view], attributes: {x: {type: text}}}}",
        2,
        "types.a.attributes.x.type",
        "`text` is none of `bool`, `int`",
    ),
    (
        "attribute type missing",
        "types: {a: {verbs: [view], attributes: {x: {from: request}}}}",
        2,
        "types.a.attributes.x.type",
        "`type` is missing",
    ),
    (
        "attribute from elsewhere",
        "types: {a: {verbs: [view], attributes: {x: {type: bool, from: header}}}}",
        2,
        "types.a.attributes.x.from",
        "`header` is none of `request`",
    ),
    (
        "bad quota",
        "types: {a: {verbs: [view], quota: per_account}}",
        2,
        "types.a.quota",
        "`per_account` is none of `per_member`",
    ),
    (
        "registered is no truth value",
        "types: {a: {verbs: [view], registered: maybe}}",
        2,
        "types.a.registered",
        "expected `true` or `false`",
    ),
    (
        "approval of an unknown verb",
        "types: {a: {verbs: [view], approvals: {edit: {by: a.view}}}}",
        2,
        "types.a.approvals.edit",
        "unknown verb `edit`",
    ),
    (
        "approval without approver",
        "types: {a: {verbs: [view], approvals: {view: {serves: once}}}}",
        2,
        "types.a.approvals.view.by",
        "`by` is missing",
    ),
    (
        "unknown approver",
        "types: {a: {verbs: [view], approvals: {view: {by: a.approve}}}}",
        2,
        "types.a.approvals.view.by",
        "unknown permission `a.approve`",
    ),
    (
        "approved by itself",
        "types: {a: {verbs: [view], approvals: {view: {by: a.view}}}}",
        2,
        "types.a.approvals.view.by",
        "not approved by itself",
    ),
    (
        "approver cannot be asked there",
        "types: {a: {verbs: [view], approvals: {view: {by: b.ok}}}, b: {verbs: [ok]}}",
        2,
        "types.a.approvals.view.by",
        "`b.ok` is not asked on `a`",
    ),
    (
        "bad serves",
        "types: {a: {verbs: [x, y], approvals: {x: {by: a.y, serves: twice}}}}",
        2,
        "types.a.approvals.x.serves",
        "`twice` is none of `once`, `stays`",
    ),
    (
        "bad duration",
        "types: {a: {verbs: [x, y], approvals: {x: {by: a.y, expires: 7 days}}}}",
        2,
        "types.a.approvals.x.expires",
        "`7 days` is no duration",
    ),
    (
        "unknown switch",
        "types: {a: {verbs: [x, y], approvals: {x: {by: a.y, when_setting: s}}}}",
        2,
        "types.a.approvals.x.when_setting",
        "unknown setting `s`",
    ),
    (
        "switch that is no bool",
        "types: {a: {verbs: [x, y], approvals: {x: {by: a.y, when_setting: s}}}}\nsettings: {s: {type: int}}",
        2,
        "types.a.approvals.x.when_setting",
        "setting `s` is no bool",
    ),
    (
        "setting type",
        "settings: {s: {type: boolean}}",
        2,
        "settings.s.type",
        "`boolean` is none of `bool`",
    ),
    (
        "default of the wrong type",
        "settings:\n  s:\n    type: bool\n    default: 3",
        5,
        "settings.s.default",
        "must be true or false",
    ),
    (
        "default over its bound",
        "settings: {s: {type: int, max: 3, default: 4}}",
        2,
        "settings.s.default",
        "must be at most 3",
    ),
    (
        "bad domain",
        "settings: {s: {type: domains, default: [\"a b\"]}}",
        2,
        "settings.s.default",
        "`a b` is no domain name",
    ),
    (
        "bound of a bool",
        "settings: {s: {type: bool, max: 3}}",
        2,
        "settings.s.max",
        "a bool has no greatest value",
    ),
    (
        "negative bound",
        "settings: {s: {type: int, max: -3}}",
        2,
        "settings.s.max",
        "must not be negative",
    ),
    (
        "level of the suite",
        "levels: {product: {}}",
        2,
        "levels.product",
        "unknown key `product`; known are `account`",
    ),
    (
        "edition without instances",
        "levels: {account: {editions: [a]}}",
        2,
        "levels.account.editions",
        "only instances have editions",
    ),
    (
        "edition named twice",
        "levels: {instance: {editions: [a, a]}}",
        2,
        "levels.instance.editions[1]",
        "edition `a` is there already",
    ),
    (
        "user mode",
        "subjects: {user: everyone}",
        2,
        "subjects.user",
        "`everyone` is none of `members`, `external`",
    ),
    (
        "kind of member",
        "subjects: {kinds: {robot: {role: r}}}",
        2,
        "subjects.kinds.robot",
        "unknown key `robot`; known are `agent`, `customer`",
    ),
    (
        "default role not defined",
        "subjects: {anonymous: {role: r}}",
        2,
        "subjects.anonymous.role",
        "role `r` is not defined",
    ),
    (
        "default role not bindable at an account",
        "levels: {workspace: {}}\nsubjects: {kinds: {agent: {role: r}}}\nroles: {r: {levels: {workspace: {}}}}",
        3,
        "subjects.kinds.agent.role",
        "cannot be bound at an account",
    ),
    (
        "default role with holders",
        "subjects: {kinds: {agent: {role: r}}}\nroles: {r: {holders: {at_least: 1}, levels: {account: {}}}}",
        2,
        "subjects.kinds.agent.role",
        "cannot be a default",
    ),
    (
        "reserved role",
        "roles: {operator: {levels: {account: {}}}}",
        2,
        "roles.operator",
        "role `operator` is the suite's own",
    ),
    (
        "role without a level",
        "roles: {r: {title: R}}",
        2,
        "roles.r.levels",
        "can be bound nowhere",
    ),
    (
        "level that the product lacks",
        "roles: {r: {levels: {instance: {}}}}",
        2,
        "roles.r.levels.instance",
        "the product has no level `instance`",
    ),
    (
        "level that a role cannot have",
        "roles: {r: {levels: {deployment: {}}}}",
        2,
        "roles.r.levels.deployment",
        "unknown key `deployment`",
    ),
    (
        "unknown type in a permission",
        "roles: {r: {levels: {account: {permissions: [shelf.view]}}}}",
        2,
        "roles.r.levels.account.permissions[0]",
        "unknown type `shelf` in permission `shelf.view`",
    ),
    (
        "unknown type in a pattern",
        "roles: {r: {levels: {account: {permissions: [\"shelf.*\"]}}}}",
        2,
        "roles.r.levels.account.permissions[0]",
        "unknown type `shelf`",
    ),
    (
        "unknown verb in a permission",
        "roles: {r: {levels: {account: {permissions: [user.greet]}}}}",
        2,
        "roles.r.levels.account.permissions[0]",
        "type `user` has no verb `greet`",
    ),
    (
        "no permission at all",
        "roles: {r: {levels: {account: {permissions: [everything]}}}}",
        2,
        "roles.r.levels.account.permissions[0]",
        "`everything` is no permission",
    ),
    (
        "entry of the wrong form",
        "roles: {r: {levels: {account: {permissions: [[user.view]]}}}}",
        2,
        "roles.r.levels.account.permissions[0]",
        "expected a permission or an entry, found a list",
    ),
    (
        "exception from a single permission",
        "roles: {r: {levels: {account: {permissions: [{permission: user.view, except: [\"user.*\"]}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].except[0]",
        "only a pattern has exceptions",
    ),
    (
        "exception outside the pattern",
        "roles: {r: {levels: {account: {permissions: [{permission: \"user.*\", except: [role.view]}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].except[0]",
        "`role.view` is no part of `user.*`",
    ),
    (
        "unknown exception",
        "roles: {r: {levels: {account: {permissions: [{permission: \"*\", except: [shelf.view]}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].except[0]",
        "unknown type `shelf`",
    ),
    (
        "assigns a role that is not defined",
        "roles: {r: {levels: {account: {assigns: [x]}}}}",
        2,
        "roles.r.levels.account.assigns[0]",
        "role `x` is not defined",
    ),
    (
        "assigns a role of a level above",
        "levels: {workspace: {}}\nroles: {r: {levels: {workspace: {assigns: [x]}}}, x: {levels: {account: {}}}}",
        3,
        "roles.r.levels.workspace.assigns[0]",
        "cannot be bound at level `workspace` or below",
    ),
    (
        "includes a role that is not defined",
        "roles: {r: {includes: [x], levels: {account: {}}}}",
        2,
        "roles.r.includes[0]",
        "role `x` is not defined",
    ),
    (
        "includes in a circle",
        "roles: {r: {includes: [x], levels: {account: {}}}, x: {includes: [r], levels: {account: {}}}}",
        2,
        "roles.r.includes",
        "role `r` includes itself",
    ),
    (
        "includes a role with holders",
        "roles: {r: {includes: [x], levels: {account: {}}}, x: {holders: {exactly: 1}, levels: {account: {}}}}",
        2,
        "roles.r.includes[0]",
        "cannot be included",
    ),
    (
        "two owners",
        "roles: {r: {holders: {exactly: 2}, levels: {account: {}}}}",
        2,
        "roles.r.holders",
        "must be `exactly: 1` or `at_least: 1`",
    ),
    (
        "holders of both kinds",
        "roles: {r: {holders: {exactly: 1, at_least: 1}, levels: {account: {}}}}",
        2,
        "roles.r.holders",
        "must be `exactly: 1` or `at_least: 1`",
    ),
    (
        "holders of another kind",
        "roles: {r: {holders: {at_most: 1}, levels: {account: {}}}}",
        2,
        "roles.r.holders.at_most",
        "unknown key `at_most`",
    ),
    (
        "condition on an undeclared attribute",
        "types: {a: {verbs: [view]}}\nroles: {r: {levels: {account: {permissions: [{permission: a.view, when: resource.attr.public}]}}}}",
        3,
        "roles.r.levels.account.permissions[0].when",
        "attribute `public` is not declared",
    ),
    (
        "condition that is not true or false",
        "types: {a: {verbs: [view], attributes: {n: {type: int}}}}\nroles: {r: {levels: {account: {permissions: [{permission: a.view, when: resource.attr.n}]}}}}",
        3,
        "roles.r.levels.account.permissions[0].when",
        "expected a value of type `bool`, this is of type `int`",
    ),
    (
        "condition that compares different types",
        "types: {a: {verbs: [view], attributes: {n: {type: int}}}}\nroles: {r: {levels: {account: {permissions: [{permission: a.view, when: resource.attr.n == subject.id}]}}}}",
        3,
        "roles.r.levels.account.permissions[0].when",
        "of type `int`, this is of type `subject`",
    ),
    (
        "condition that cannot be read",
        "roles: {r: {levels: {account: {permissions: [{permission: user.view, when: \"now <\"}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].when",
        "expected a value (at character 6)",
    ),
    (
        "condition on an unknown name",
        "roles: {r: {levels: {account: {permissions: [{permission: user.view, when: environment.ok}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].when",
        "`environment.ok` is not known",
    ),
    (
        "condition on undeclared context",
        "roles: {r: {levels: {account: {permissions: [{permission: user.view, when: context.office}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].when",
        "`context.office` is not declared under `context`",
    ),
    (
        "attribute of two types under a pattern",
        "types: {a: {verbs: [view], attributes: {n: {type: int}}}, b: {verbs: [view], attributes: {n: {type: bool}}}}\nroles: {r: {levels: {account: {permissions: [{permission: \"*\", when: resource.attr.n}]}}}}",
        3,
        "roles.r.levels.account.permissions[0].when",
        "attribute `n` is of type `int` and of type `bool`",
    ),
    (
        "condition of grants",
        "types: {a: {verbs: [view], grants: {view: resource.attr.x in grant.xs}}}",
        2,
        "types.a.grants.view",
        "attribute `x` is not declared",
    ),
    (
        "condition of grants of an unknown verb",
        "types: {a: {verbs: [view], grants: {edit: \"true\"}}}",
        2,
        "types.a.grants.edit",
        "unknown verb `edit`",
    ),
    (
        "approval word of an entry",
        "roles: {r: {levels: {account: {permissions: [{permission: user.view, approval: never}]}}}}",
        2,
        "roles.r.levels.account.permissions[0].approval",
        "expected `none` or an approval rule",
    ),
    (
        "own approval rule on a pattern",
        "types: {a: {verbs: [x, y]}}\nroles: {r: {levels: {account: {permissions: [{permission: \"a.*\", approval: {by: a.y}}]}}}}",
        3,
        "roles.r.levels.account.permissions[0].approval",
        "for a single permission",
    ),
    (
        "context type",
        "context: {office: {type: place}}",
        2,
        "context.office.type",
        "`place` is none of",
    ),
    ("not YAML", "types: {a: [}", 2, "", "not readable as YAML"),
];

fn errors(yaml: &str) -> Vec<ManifestError> {
    parse(yaml).err().unwrap_or_default()
}

#[test]
fn every_kind_of_fault_is_named_at_its_place() {
    for (what, yaml, line, path, message) in CASES {
        let found = errors(&format!("{HEAD}{yaml}\n"));
        let hit = found.iter().any(|error| {
            error.path == *path
                && error.message.contains(message)
                && (error.line == *line)
                && error.column > 0
        });
        assert!(
            hit,
            "{what}: expected line {line} `{path}` `{message}`, found {found:#?}"
        );
    }
}

#[test]
fn a_manifest_without_faults_is_accepted() {
    assert_eq!(errors(HEAD), []);
    assert_eq!(
        errors("product: shop\ntypes:\nroles:\n"),
        [],
        "empty sections are no faults"
    );
}

#[test]
fn all_faults_are_named_at_once_in_the_order_of_the_file() {
    let found = errors(
        "product: Shop
types:
  a: {verbs: [view], implies: {view: [nothing]}}
  b: {verbs: 3}
roles:
  r:
    levels:
      account:
        permissions:
          - a.fly
          - {permission: a.view, when: resource.attr.x}
        assigns: [ghost]
",
    );
    let lines: Vec<_> = found
        .iter()
        .map(|error| (error.line, error.path.as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (1, "product"),
            (3, "types.a.implies.view[0]"),
            (4, "types.b.verbs"),
            (10, "roles.r.levels.account.permissions[0]"),
            (11, "roles.r.levels.account.permissions[1].when"),
            (12, "roles.r.levels.account.assigns[0]"),
        ]
    );
    assert_eq!(
        found[3].to_string(),
        "line 10, column 13: roles.r.levels.account.permissions[0]: type `a` has no verb `fly`"
    );
}

#[test]
fn a_missing_product_is_named() {
    let found = errors("types: {}\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].path.as_str(), found[0].message.as_str()),
        ("product", "`product` is missing")
    );
}

#[test]
fn a_manifest_that_is_too_long_is_refused_before_it_is_read() {
    let found = errors(&format!("{HEAD}#{}", "x".repeat(1 << 20)));
    assert!(found[0].message.contains("longer than"), "{found:?}");
}

#[test]
fn a_role_has_no_more_entries_than_anybody_can_read() {
    let entries = vec!["user.view"; 1_001].join(", ");
    let found = errors(&format!(
        "{HEAD}roles: {{r: {{levels: {{account: {{permissions: [{entries}]}}}}}}}}"
    ));
    assert!(found[0].message.contains("more than 1000 entries"), "{found:?}");
}

/// What people save half-way through an edit has to be refused or read, never to break the reader.
#[test]
fn a_damaged_manifest_never_breaks_the_reader() {
    let whole = include_str!("../../../products/iservice.yaml");
    let mut state = 11_u64;
    let mut below = |n: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    let mut refused = 0;
    for _ in 0..150 {
        let mut text: Vec<char> = whole.chars().collect();
        for _ in 0..=below(3) {
            let at = below(text.len());
            match below(4) {
                0 => text.truncate(at + 1),
                1 => drop(text.remove(at)),
                2 => text[at] = ['{', '}', '[', ':', '*', '&', '"', '\'', '\n', 'ä', '\t', '-'][below(12)],
                _ => drop(
                    text.splice(at..(at + 10).min(text.len()), "".chars())
                        .collect::<String>(),
                ),
            }
        }
        let errors = errors(&text.into_iter().collect::<String>());
        assert!(
            errors
                .iter()
                .all(|error| error.line > 0 && !error.message.is_empty()),
            "{errors:?}"
        );
        refused += usize::from(!errors.is_empty());
    }
    assert!(refused > 75, "{refused}");
}
