//! Every kind of fault in a manifest has a message of its own, with its place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

mod roles;
mod types;

use bailiwick_policy::manifest::{ManifestError, parse};

const HEAD: &str = "product: shop\n";

fn errors(yaml: &str) -> Vec<ManifestError> {
    parse(yaml).err().unwrap_or_default()
}

#[test]
fn every_kind_of_fault_is_named_at_its_place() {
    for (what, yaml, line, path, message) in types::CASES.iter().chain(roles::CASES) {
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

/// All messages as a person sees them, below the line that they are about: a golden file, to be read
/// when one changes.
#[test]
fn every_message_points_at_what_it_is_about() {
    let mut all = String::new();
    for (what, yaml, ..) in types::CASES.iter().chain(roles::CASES) {
        let text = format!("{HEAD}{yaml}\n");
        all += &format!("{what}\n");
        for error in errors(&text) {
            let line = text.lines().nth(usize::try_from(error.line).unwrap() - 1);
            let column = usize::try_from(error.column).unwrap();
            let line = line.unwrap_or_else(|| panic!("{what}: there is no line {}", error.line));
            assert!(column <= line.chars().count() + 1, "{what}: {error}");
            // Far to the right only what is around the place is shown.
            let from = column.saturating_sub(60);
            let shown: String = line.chars().skip(from).take(100).collect();
            all += &format!(
                "    {shown}\n    {:>width$}\n    {error}\n",
                "^",
                width = column - from
            );
        }
        all.push('\n');
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/manifest-faults.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &all).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = expected.lines().zip(all.lines()).find(|(a, b)| a != b);
    assert!(
        expected == all,
        "{} differs (UPDATE_GOLDEN=1 writes it anew), first in: {differ:?}",
        path.display()
    );
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
    let whole = include_str!("../../../../products/iservice.yaml");
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
