//! The allowed edges between the crates of the workspace, and what may not be in a tree at all.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

/// Crate -> what of ours it may depend on. Everything else is refused.
const ALLOWED: &[(&str, &[&str])] = &[
    ("bailiwick-types", &[]),
    ("bailiwick-policy", &["bailiwick-types"]),
    ("bailiwick-proto", &[]),
    ("bailiwick-rpc", &["bailiwick-proto", "bailiwick-types"]),
    ("bailiwick-sql", &["bailiwick-types"]),
    ("bailiwick-feed", &["bailiwick-proto", "bailiwick-rpc", "bailiwick-sql", "bailiwick-types"]),
    ("bailiwick-identity-core", &["bailiwick-types"]),
    ("bailiwick-tenancy-core", &["bailiwick-types"]),
    ("bailiwick-authorization-core", &["bailiwick-policy", "bailiwick-types"]),
    ("bailiwick-identity-server", &["bailiwick-identity-core", SERVER]),
    ("bailiwick-tenancy-server", &["bailiwick-tenancy-core", SERVER]),
    ("bailiwick-authorization-server", &["bailiwick-authorization-core", "bailiwick-policy", SERVER]),
    ("bailiwick-client", &["bailiwick-policy", "bailiwick-proto"]),
    ("bailiwick-scenario", &["bailiwick-client", "bailiwick-proto"]),
    ("bailiwick-testkit", &["bailiwick-types"]),
    ("bailiwick-bench", &["bailiwick-client", "bailiwick-proto"]),
    ("bailiwick", &["*"]),
    ("xtask", &[]),
];

/// What every server crate may depend on.
const SERVER: &str = "(server)";
const SERVER_EDGES: &[&str] =
    &["bailiwick-feed", "bailiwick-proto", "bailiwick-rpc", "bailiwick-sql", "bailiwick-types"];
/// What nothing but tests, or nothing but itself, may depend on.
const NEVER: &[&str] = &["bailiwick-bench", "bailiwick-testkit"];

/// Crates that know no transport, no database and no cache.
const PURE: &[&str] = &[
    "bailiwick-types",
    "bailiwick-policy",
    "bailiwick-identity-core",
    "bailiwick-tenancy-core",
    "bailiwick-authorization-core",
];
const OUTER: &[&str] = &["tonic", "prost", "sea-orm", "sqlx", "redis", "axum", "hyper"];
/// A second TLS provider or library.
const BANNED: &[&str] = &["ring", "openssl-sys", "native-tls"];

/// Fails with every edge that is not allowed.
pub(crate) fn check() -> Result<()> {
    let platform = ["--filter-platform".to_owned(), env!("XTASK_TARGET").to_owned()];
    let metadata = MetadataCommand::new().manifest_path(manifest()).other_options(platform).exec()?;
    let mut faults = crate_edges(&metadata);
    faults.extend(pure_trees(&metadata));
    let ours: Vec<_> = metadata.workspace_packages().iter().map(|p| &p.id).collect();
    let present = reached(&metadata, &ours);
    faults.extend(BANNED.iter().filter(|b| present.contains(*b)).map(|b| format!("`{b}` is in the tree")));
    if faults.is_empty() { Ok(()) } else { bail!("edges that are not allowed:\n  {}", faults.join("\n  ")) }
}

fn manifest() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml")
}

fn crate_edges(metadata: &Metadata) -> Vec<String> {
    let rules: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let ours: BTreeSet<_> = metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    let mut faults = Vec::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        let Some(allowed) = rules.get(name) else {
            faults.push(format!("`{name}` has no rule"));
            continue;
        };
        for edge in &package.dependencies {
            let test = edge.kind == DependencyKind::Development;
            if !ours.contains(&edge.name) || (test && edge.name == "bailiwick-testkit") {
                continue;
            }
            let edge_name = edge.name.as_str();
            let server = allowed.contains(&SERVER) && SERVER_EDGES.contains(&edge_name);
            let any = allowed.contains(&"*") && !NEVER.contains(&edge_name);
            if !(allowed.contains(&edge_name) || server || any) {
                faults.push(format!("`{name}` -> `{edge_name}`"));
            }
        }
    }
    faults
}

fn pure_trees(metadata: &Metadata) -> Vec<String> {
    let mut faults = Vec::new();
    for package in metadata.workspace_packages().into_iter().filter(|p| PURE.contains(&p.name.as_str())) {
        let names = reached(metadata, &[&package.id]);
        let outer = OUTER.iter().filter(|o| names.contains(*o));
        faults.extend(outer.map(|outer| format!("`{}` reaches `{outer}`", package.name)));
    }
    faults
}

/// The names of all packages that some packages reach without their tests.
fn reached<'a>(metadata: &'a Metadata, from: &[&'a PackageId]) -> BTreeSet<&'a str> {
    let nodes = metadata.resolve.iter().flat_map(|r| &r.nodes);
    let mut edges: BTreeMap<&PackageId, Vec<&PackageId>> = BTreeMap::new();
    for node in nodes {
        let kept = node.deps.iter().filter(|d| d.dep_kinds.iter().any(|k| k.kind != DependencyKind::Development));
        edges.insert(&node.id, kept.map(|d| &d.pkg).collect());
    }
    let mut seen = BTreeSet::new();
    let mut open = from.to_vec();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            open.extend(edges.get(id).into_iter().flatten().copied());
        }
    }
    metadata.packages.iter().filter(|p| seen.contains(&p.id)).map(|p| p.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn crates_depend_only_on_what_their_layer_allows() {
        super::check().unwrap();
    }
}
