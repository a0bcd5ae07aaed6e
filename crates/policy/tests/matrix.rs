//! Who may do what: the shipped products' roles as golden tables, one line a permission. `UPDATE_GOLDEN=1`
//! writes them anew; the difference says what a change of a manifest gives and takes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may break")]

use std::{collections::BTreeSet, fmt::Write, path::PathBuf, sync::Arc};

use bailiwick_policy::{
    AccountPolicy, Level, Numbers, PermissionInfo, Product, Role, RoleLevel, RoleNo, compile,
    manifest::{self, Holders},
};

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

const LEGEND: &str = "\
# x   yes
# ?   under a condition
# a   after an approval
# ?a  under a condition, and after an approval
# -   no
";

/// How a role has a permission: by the entries that ask for least.
fn mark(policy: &AccountPolicy, at: &RoleLevel, of: &PermissionInfo) -> &'static str {
    let ways: BTreeSet<(bool, bool)> = at
        .entries()
        .iter()
        .filter(|entry| entry.bits.contains(of.no))
        .map(|entry| {
            let by_type = !entry.waives() && policy.type_rule(of.no).is_some();
            (entry.condition.is_some(), entry.own_rule().is_some() || by_type)
        })
        .collect();
    let has = |way| ways.contains(&way);
    match () {
        () if has((false, false)) => "x",
        () if has((true, false)) && has((false, true)) => "?/a",
        () if has((true, false)) => "?",
        () if has((false, true)) => "a",
        () if has((true, true)) => "?a",
        () => "-",
    }
}

/// What is conditional or waits, in words: one line an entry.
fn remarks(product: &Product, role: &Role, level: Level, at: &RoleLevel, out: &mut String) {
    for entry in at.entries() {
        if entry.condition.is_none()
            && entry.own_rule().is_none()
            && entry.except.is_empty()
            && !entry.waives()
        {
            continue;
        }
        let pattern = |of| product.pattern_text(of).unwrap();
        write!(out, "{} at {level}: {}", role.name, pattern(entry.pattern)).unwrap();
        if !entry.except.is_empty() {
            let except: Vec<String> = entry.except.iter().map(|of| pattern(*of)).collect();
            write!(out, ", but not {}", except.join(", ")).unwrap();
        }
        if let Some(condition) = &entry.condition {
            write!(out, ", when {}", condition.source()).unwrap();
        }
        if let Some(rule) = entry.own_rule() {
            let by = &product.permission(rule.by).unwrap().name;
            write!(out, ", approved by whoever has {by}").unwrap();
        }
        if entry.waives() {
            out.push_str(", without approval");
        }
        out.push('\n');
    }
}

fn table(name: &str) -> String {
    let yaml = std::fs::read_to_string(repository(&format!("products/{name}.yaml"))).unwrap();
    let manifest = manifest::parse(&yaml).unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
    let product = Arc::new(compile(&manifest, Numbers::default()).unwrap().0);
    let settings = std::collections::BTreeMap::default();
    let policy = AccountPolicy::compile(Arc::clone(&product), vec![], vec![], settings);
    // In the order of the manifest's text, which goes from those who may do most to those who may do least,
    // or the other way round: either reads better than the alphabet.
    let mut roles: Vec<&Role> = policy.roles().filter(|role| role.no > RoleNo::SERVICE).collect();
    roles.sort_by_key(|role| yaml.find(&format!("\n  {}:\n    title", role.name)));
    let columns: Vec<(&Role, Level, &RoleLevel)> = roles
        .iter()
        .flat_map(|role| role.levels().map(|(level, at)| (*role, level, at)))
        .collect();
    let mut permissions: Vec<&PermissionInfo> = product.permissions().collect();
    permissions.sort_by(|a, b| a.name.cmp(&b.name));
    let first = permissions.iter().map(|of| of.name.len()).max().unwrap();
    let title = manifest.title.as_deref().unwrap_or(name);
    let mut out = format!(
        "# {title}: who may do what. One line a permission, one column a role and level.\n{LEGEND}\n"
    );
    let widths: Vec<usize> = columns
        .iter()
        .map(|(role, level, _)| role.name.len().max(level.as_str().len()) + 2)
        .collect();
    let line = |head: &str, cells: Vec<&str>| {
        let mut line = format!("{head:first$}  ");
        for (cell, width) in cells.iter().zip(&widths) {
            write!(line, "{cell:width$}").unwrap();
        }
        line.trim_end().to_owned() + "\n"
    };
    out += &line("", columns.iter().map(|(role, ..)| &*role.name).collect());
    out += &line("", columns.iter().map(|(_, level, _)| level.as_str()).collect());
    for of in &permissions {
        let cells = columns.iter().map(|(_, _, at)| mark(&policy, at, of)).collect();
        out += &line(&of.name, cells);
    }
    out.push_str("\n# Conditions, approvals and exceptions\n");
    for (role, level, at) in &columns {
        remarks(&product, role, *level, at, &mut out);
    }
    for of in &permissions {
        if let Some(rule) = policy.type_rule(of.no) {
            let by = &product.permission(rule.by).unwrap().name;
            writeln!(out, "{} by whomever: approved by whoever has {by}", of.name).unwrap();
        }
    }
    out.push_str("\n# Who assigns whom, and how many there have to be\n");
    for (role, level, at) in &columns {
        let assigns = at.assigns();
        let mut named: Vec<&str> = roles
            .iter()
            .filter(|other| assigns.contains(other.no))
            .map(|other| &*other.name)
            .collect();
        if named.is_empty() {
            named.push("nobody");
        }
        let holders = match role.holders {
            Some(Holders::Exactly(n)) => format!("; exactly {n}"),
            Some(Holders::AtLeast(n)) => format!("; at least {n}"),
            None => String::new(),
        };
        writeln!(out, "{} at {level}: {}{holders}", role.name, named.join(", ")).unwrap();
    }
    out.push_str("\n# What the product's services may do in all accounts\n");
    for service in manifest.services.keys() {
        let role = product.service_role(service).unwrap();
        let at = role.level(Level::Product).unwrap();
        let mut given: Vec<&str> = at
            .permissions()
            .iter()
            .map(|no| &*product.permission(no).unwrap().name)
            .collect();
        given.sort_unstable();
        for permission in given {
            writeln!(out, "{service}: {permission}").unwrap();
        }
        let assigned: Vec<&str> = roles
            .iter()
            .filter(|role| at.assigns().contains(role.no))
            .map(|role| &*role.name)
            .collect();
        writeln!(out, "{service} assigns: {}", assigned.join(", ")).unwrap();
    }
    out
}

fn golden(name: &str) {
    let path = repository(&format!("tests/golden/permissions-{name}.txt"));
    let actual = table(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = expected.lines().zip(actual.lines()).find(|(a, b)| a != b);
    assert!(
        expected == actual,
        "{} differs (UPDATE_GOLDEN=1 writes it anew), first in: {differ:?}",
        path.display()
    );
}

#[test]
fn the_roles_of_one_question_may_do_what_the_golden_table_says() {
    golden("one-question");
}

#[test]
fn the_user_types_of_iservice_may_do_what_the_golden_table_says() {
    golden("iservice");
}

#[test]
fn the_roles_of_sogolytics_may_do_what_the_golden_table_says() {
    golden("sogolytics");
}

#[test]
fn the_roles_of_e_satisfaction_may_do_what_the_golden_table_says() {
    golden("e-satisfaction");
}
