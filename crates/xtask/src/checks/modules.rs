//! The allowed edges between the modules of a crate.

use super::use_cases;
use crate::{
    names::{Names, Segments, from_root},
    source::{Crate, SourceFile, Workspace},
};

const SERVERS: &[&str] = &[
    "bailiwick-authorization-server",
    "bailiwick-identity-server",
    "bailiwick-tenancy-server",
];
/// In a server: module -> paths that it does not name.
const APART: &[(&str, &[&str])] = &[
    ("crate::grpc", &["crate::store", "bailiwick_sql", "sea_orm"]),
    ("crate::store", &["crate::grpc"]),
];

/// A module of the engine names those of its own layer and of the layers before it.
const ENGINE: &str = "bailiwick-authorization-engine";
const LAYERS: &[&[&str]] = &[
    &["crate::parts"],
    &["crate::shared", "crate::source"],
    &["crate::account"],
    &["crate::question"],
];

/// Folders of a core that are no aggregate and may run any operation.
const RUNNERS: &[&str] = &["follow"];

/// What a module must not name.
#[derive(Clone, Copy)]
struct Rule<'a> {
    from: &'a str,
    not: &'a str,
}

/// Finds every edge that is not allowed.
pub(crate) fn faults(workspace: &Workspace) -> Vec<String> {
    let mut faults = Vec::new();
    let mut found = Vec::new();
    for name in SERVERS {
        let rules: Vec<_> = APART
            .iter()
            .flat_map(|(from, paths)| paths.iter().map(|not| Rule { from, not }))
            .collect();
        match workspace.package(name) {
            Some(krate) => found.extend(apart(krate, &rules, &mut faults)),
            None => faults.push(format!("modules: there is no crate `{name}`")),
        }
    }
    if let Some(krate) = workspace.package(ENGINE) {
        found.extend(apart(krate, &layered(LAYERS), &mut faults));
    }
    for name in use_cases::CORES {
        match workspace.package(name) {
            Some(krate) => found.extend(sideways(krate)),
            None => faults.push(format!("modules: there is no crate `{name}`")),
        }
    }
    faults.extend(found.into_iter().map(|(_, fault)| fault));
    faults
}

fn layered<'a>(layers: &'a [&'a [&'a str]]) -> Vec<Rule<'a>> {
    let mut rules = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        for above in layers.iter().skip(index + 1).copied().flatten() {
            rules.extend(layer.iter().map(|from| Rule { from, not: above }));
        }
    }
    rules
}

/// Faults by `FILE -> PATH`. A rule about a module that the crate does not have is a fault of the table.
fn apart(krate: &Crate, rules: &[Rule<'_>], table: &mut Vec<String>) -> Vec<(String, String)> {
    let names = Names::of(krate);
    for rule in rules {
        let known = |path: &str| {
            krate
                .files
                .iter()
                .any(|file| from_root(&file.module).join("::") == path)
        };
        for path in [rule.from, rule.not] {
            let fault = format!(
                "modules: `{}` has no module `{path}`, which a rule names",
                krate.package
            );
            if path.starts_with("crate::") && !known(path) && !table.contains(&fault) {
                table.push(fault);
            }
        }
    }
    let mut faults: Vec<(String, String)> = Vec::new();
    for file in krate.files.iter().filter(|file| !file.is_generated()) {
        let rules: Vec<_> = rules
            .iter()
            .filter(|rule| within(&from_root(&file.module), rule.from))
            .collect();
        if rules.is_empty() {
            continue;
        }
        for reference in names.references(file) {
            for rule in &rules {
                let key = format!("{} -> {}", file.path, rule.not);
                let seen = faults.iter().any(|(known, _)| *known == key);
                if let Some(hop) = reference.hops.iter().find(|hop| within(hop, rule.not))
                    && !seen
                {
                    let fault = format!(
                        "{}:{}: `{}` must not import `{}`: found `{}`",
                        file.path,
                        reference.line,
                        rule.from,
                        rule.not,
                        hop.join("::")
                    );
                    faults.push((key, fault));
                }
            }
        }
    }
    faults
}

/// Finds files of an aggregate's folder that name an operation's file of another folder. What two aggregates
/// share belongs in `mod.rs` or in a module of its own.
fn sideways(krate: &Crate) -> Vec<(String, String)> {
    let names = Names::of(krate);
    let operations: Vec<Segments> = krate
        .files
        .iter()
        .filter(|file| file.module.len() > 1 && use_cases::is_use_case(file))
        .map(|file| from_root(&file.module))
        .collect();
    let mut faults: Vec<(String, String)> = Vec::new();
    let is_aggregate = |file: &&SourceFile| {
        use_cases::is_in_folder(file)
            && file
                .module
                .first()
                .is_some_and(|name| !RUNNERS.contains(&name.as_str()))
    };
    for file in krate.files.iter().filter(is_aggregate) {
        for reference in names.references(file) {
            let Some(path) = reference.hops.first() else {
                continue;
            };
            let Some(other) = operations.iter().find(|o| path.starts_with(o)) else {
                continue;
            };
            let key = format!("{} -> {}", file.path, other.join("::"));
            if other.get(1) != reference.module.get(1) && !faults.iter().any(|(known, _)| *known == key) {
                let fault = format!(
                    "{}:{}: an aggregate must not import an operation of another one: found `{}`",
                    file.path,
                    reference.line,
                    path.join("::")
                );
                faults.push((key, fault));
            }
        }
    }
    faults
}

fn within(path: &[String], prefix: &str) -> bool {
    let mut names = path.iter();
    prefix
        .split("::")
        .all(|part| names.next().is_some_and(|name| name == part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(files: &[(&str, &str)]) -> Crate {
        let files = files
            .iter()
            .map(|(module, text)| {
                let names: Vec<_> = module
                    .split("::")
                    .filter(|m| !m.is_empty())
                    .map(str::to_owned)
                    .collect();
                SourceFile::parse(format!("src/{}.rs", names.join("/")), names, (*text).to_owned()).unwrap()
            })
            .collect();
        Crate {
            package: "p".to_owned(),
            files,
        }
    }
    /// Faults of a server whose `grpc::user` has this text.
    fn of_grpc(text: &str) -> Vec<String> {
        let krate = krate(&[
            (
                "",
                "mod grpc; mod store; mod wiring; pub use store::SqlStore; pub use wiring::Deps;",
            ),
            ("grpc", "mod user; mod answer;"),
            ("grpc::answer", "pub struct Answer;"),
            ("grpc::user", text),
            (
                "store",
                "mod row; pub use row::Row; pub struct SqlStore; use sea_orm::Value;",
            ),
            ("store::row", "pub struct Row;"),
            ("wiring", "pub struct Deps; use crate::store::SqlStore;"),
        ]);
        let rules = [
            Rule {
                from: "crate::grpc",
                not: "crate::store",
            },
            Rule {
                from: "crate::grpc",
                not: "sea_orm",
            },
        ];
        let mut table = Vec::new();
        let found = apart(&krate, &rules, &mut table);
        assert_eq!(table, Vec::<String>::new());
        found.into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn an_import_of_the_store_in_grpc_is_found_however_it_is_written() {
        for text in [
            "use crate::store::SqlStore;",
            "use crate::store;",
            "pub use crate::store::row::Row as Line;",
            "use super::super::store::Row;",
            "use crate::{grpc::answer::Answer, store::{self, row::{Row}}};",
            "use crate::SqlStore;",
            "use crate as root; fn f() { root::store::f() }",
            "use crate::*; fn f(_: SqlStore) {}",
            "fn f() { crate::store::f() }",
            "fn f(_: &super::super::store::Row) {}",
            "fn f() { use crate::store::Row; }",
            "mod inner { use super::super::super::store::Row; }",
            "fn f() { println!(\"{}\", crate::store::f()) }",
            "use crate::wiring::SqlStore;",
        ] {
            assert_eq!(of_grpc(text), ["src/grpc/user.rs -> crate::store"], "{text}");
        }
        assert_eq!(
            of_grpc("fn f(_: sea_orm::Value) {}"),
            ["src/grpc/user.rs -> sea_orm"]
        );
    }

    #[test]
    fn other_imports_in_grpc_pass() {
        for text in [
            "use crate::{Deps, grpc::answer::Answer}; use super::answer;",
            "use bailiwick_core::store::Store; fn f(store: Store) { store.get() }",
            "#[cfg(test)] mod tests { use crate::store::SqlStore; }",
            "mod store { pub fn f() {} } fn g() { store::f() }",
        ] {
            assert_eq!(of_grpc(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn a_rule_about_a_module_that_does_not_exist_is_a_fault() {
        let krate = krate(&[("", "mod grpc;"), ("grpc", "")]);
        let mut table = Vec::new();
        let rule = Rule {
            from: "crate::grpc",
            not: "crate::store",
        };
        apart(&krate, &[rule], &mut table);
        assert_eq!(
            table,
            ["modules: `p` has no module `crate::store`, which a rule names"]
        );
    }

    #[test]
    fn layers_name_only_what_is_below_them() {
        let krate = krate(&[
            ("", "mod low; mod high;"),
            ("low", "use crate::high::H; pub struct L;"),
            ("high", "use crate::low::L; pub struct H;"),
        ]);
        let rules = layered(&[&["crate::low"], &["crate::high"]]);
        let found = apart(&krate, &rules, &mut Vec::new());
        let keys: Vec<_> = found.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["src/low.rs -> crate::high"]);
    }

    #[test]
    fn an_operation_is_not_imported_from_another_aggregate() {
        let krate = krate(&[
            ("", "mod group; mod role;"),
            ("group", "pub mod add; pub struct Group;"),
            ("group::add", "pub struct Command; pub async fn execute() {}"),
            ("role", "pub mod assign; pub mod revoke;"),
            (
                "role::assign",
                "use crate::group::Group; pub async fn execute() {}",
            ),
            (
                "role::revoke",
                "use super::assign; use crate::group::add::Command; pub async fn execute() {}",
            ),
        ]);
        let keys: Vec<_> = sideways(&krate).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["src/role/revoke.rs -> crate::group::add"]);
    }
}
