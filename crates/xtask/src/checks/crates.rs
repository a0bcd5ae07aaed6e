//! The allowed edges between the crates of the workspace, and what may not be in a tree at all.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use anyhow::{Result, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Crate -> what of ours it may depend on. Everything else is refused.
const ALLOWED: &[(&str, &[&str])] = &[
    ("bailiwick-types", &[]),
    ("bailiwick-seal", &["bailiwick-types"]),
    ("bailiwick-sheets", &[]),
    ("bailiwick-policy", &["bailiwick-types"]),
    ("bailiwick-proto", &["bailiwick-types"]),
    ("bailiwick-rpc", &["bailiwick-proto", "bailiwick-types"]),
    ("bailiwick-sql", &["bailiwick-types"]),
    (
        "bailiwick-feed",
        &[
            "bailiwick-proto",
            "bailiwick-rpc",
            "bailiwick-sql",
            "bailiwick-types",
        ],
    ),
    ("bailiwick-identity-core", &["bailiwick-seal", "bailiwick-types"]),
    ("bailiwick-tenancy-core", &["bailiwick-types"]),
    (
        "bailiwick-authorization-core",
        &["bailiwick-policy", "bailiwick-types"],
    ),
    (
        "bailiwick-authorization-engine",
        &["bailiwick-policy", "bailiwick-types"],
    ),
    ("bailiwick-identity-server", &["bailiwick-identity-core", SERVER]),
    ("bailiwick-tenancy-server", &["bailiwick-tenancy-core", SERVER]),
    (
        "bailiwick-authorization-server",
        &[
            "bailiwick-authorization-core",
            "bailiwick-authorization-engine",
            "bailiwick-policy",
            SERVER,
        ],
    ),
    ("bailiwick-client", &["bailiwick-policy", "bailiwick-proto"]),
    // Scenario files are read by the YAML reader of manifests, and name levels and durations as those do.
    (
        "bailiwick-scenario",
        &["bailiwick-client", "bailiwick-policy", "bailiwick-proto"],
    ),
    ("bailiwick-testkit", &["bailiwick-types"]),
    ("bailiwick-bench", &["bailiwick-client", "bailiwick-proto"]),
    ("bailiwick", &["*"]),
    ("xtask", &[]),
];

/// What every server crate may depend on.
const SERVER: &str = "(server)";
const SERVER_EDGES: &[&str] = &[
    "bailiwick-feed",
    "bailiwick-proto",
    "bailiwick-rpc",
    "bailiwick-seal",
    "bailiwick-sheets",
    "bailiwick-sql",
    "bailiwick-types",
];
/// What nothing but tests, or nothing but itself, may depend on.
const NEVER: &[&str] = &["bailiwick-bench", "bailiwick-testkit"];

/// Crates that know no transport, no database and no cache.
const PURE: &[&str] = &[
    "bailiwick-types",
    "bailiwick-policy",
    "bailiwick-identity-core",
    "bailiwick-tenancy-core",
    "bailiwick-authorization-core",
    "bailiwick-authorization-engine",
];
const OUTER: &[&str] = &["tonic", "prost", "sea-orm", "sqlx", "redis", "axum", "hyper"];
/// A second TLS provider or library.
const BANNED: &[&str] = &["ring", "openssl-sys", "native-tls"];

/// Finds every edge that is not allowed.
pub(crate) fn faults() -> Result<Vec<String>> {
    let metadata = MetadataCommand::new()
        .manifest_path(manifest())
        .no_deps()
        .exec()?;
    let mut faults = crate_edges(&metadata);
    for package in PURE {
        let names = reached(&["--package", package, "--edges", "normal"])?;
        faults.extend(
            OUTER
                .iter()
                .filter(|o| names.contains(**o))
                .map(|o| format!("`{package}` reaches `{o}`")),
        );
    }
    let present = reached(&["--workspace", "--edges", "normal,build"])?;
    faults.extend(
        BANNED
            .iter()
            .filter(|b| present.contains(**b))
            .map(|b| format!("`{b}` is in the tree")),
    );
    Ok(faults)
}

fn manifest() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml")
}

fn crate_edges(metadata: &Metadata) -> Vec<String> {
    let rules: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let ours: BTreeSet<_> = metadata
        .workspace_packages()
        .iter()
        .map(|p| p.name.to_string())
        .collect();
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

/// The names of all packages in a tree. From `cargo tree`, which knows the features that are built; the graph
/// of `cargo metadata` also names what no feature turns on.
fn reached(arguments: &[&str]) -> Result<BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--manifest-path",
        ])
        .arg(manifest())
        .args(arguments)
        .output()?;
    ensure!(
        output.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect())
}
