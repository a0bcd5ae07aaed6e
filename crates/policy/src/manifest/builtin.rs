//! What the suite itself brings to every product: its types, `operator` and `service`.

use bailiwick_types::Level;

use super::{AssignDecl, EntryDecl, Holders, LevelDecl, Manifest, RoleDecl, RoleLevelDecl};

/// A type of the suite's own: its permissions are there in every product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuiteType {
    /// The type's name.
    pub name: &'static str,
    /// What can be done with it.
    pub verbs: &'static [&'static str],
    /// Verbs that bring another with them.
    pub implies: &'static [(&'static str, &'static str)],
    /// The level that the type stands for, where it is one.
    pub level: Option<Level>,
}

const fn of(
    name: &'static str,
    verbs: &'static [&'static str],
    implies: &'static [(&'static str, &'static str)],
) -> SuiteType {
    SuiteType {
        name,
        verbs,
        implies,
        level: None,
    }
}

const EDIT: &[(&str, &str)] = &[("edit", "view")];

/// The suite's own types, in the order in which they are numbered: append only.
pub const SUITE_TYPES: &[SuiteType] = &[
    SuiteType {
        name: "account",
        verbs: &["view", "edit", "delete", "transfer"],
        implies: EDIT,
        level: Some(Level::Account),
    },
    SuiteType {
        name: "instance",
        verbs: &["view", "create", "edit", "delete"],
        implies: EDIT,
        level: Some(Level::Instance),
    },
    SuiteType {
        name: "workspace",
        verbs: &["view", "create", "edit", "delete", "move", "transfer"],
        implies: EDIT,
        level: Some(Level::Workspace),
    },
    of("user", &["view", "invite", "edit", "remove", "suspend"], EDIT),
    of("session", &["view", "revoke"], &[("revoke", "view")]),
    of("service_account", &["manage"], &[]),
    of("api_key", &["manage"], &[]),
    of("role", &["view", "define"], &[("define", "view")]),
    of("grant", &["view", "edit"], EDIT),
    of("group", &["view", "edit"], EDIT),
    of("approval", &["view"], &[]),
    of("resource", &["transfer"], &[]),
    of("settings", &["view", "edit"], EDIT),
    of("sign_in_policy", &["view", "edit"], EDIT),
    of("quota", &["view", "edit"], EDIT),
    of("seat", &["view", "edit"], EDIT),
    of("audit_log", &["view"], &[]),
    of("billing", &["manage"], &[]),
    of("export", &["create"], &[]),
    of("decision", &["check"], &[]),
    of("change", &["watch"], &[]),
];

/// The verbs of every type that the operator has: it registers, edits and deletes resources.
pub(crate) const OPERATOR_VERBS: [&str; 3] = ["create", "edit", "delete"];

/// The manifest of the deployment and product levels: `operator` and `service`.
///
/// Its roles are part of every compiled product too; what the operator may do to the types of a product is
/// added there, since this manifest does not know them.
#[must_use]
pub fn deployment() -> Manifest {
    let entries = |permissions: &[&str]| permissions.iter().copied().map(EntryDecl::plain).collect();
    let role = |title: &str, level, permissions: &[&str], assigns: &[&str]| RoleDecl {
        title: Some(title.to_owned()),
        holders: None,
        includes: Vec::new(),
        parameters: std::collections::BTreeMap::new(),
        levels: [(
            level,
            RoleLevelDecl {
                permissions: entries(permissions),
                assigns: assigns.iter().copied().map(AssignDecl::plain).collect(),
            },
        )]
        .into(),
    };
    Manifest {
        product: "deployment".to_owned(),
        title: Some("Deployment".to_owned()),
        levels: [
            (Level::Deployment, LevelDecl::default()),
            (Level::Product, LevelDecl::default()),
            (Level::Account, LevelDecl::default()),
        ]
        .into(),
        roles: [
            (
                "operator".to_owned(),
                RoleDecl {
                    holders: Some(Holders::AtLeast(1)),
                    ..role("Operator", Level::Deployment, &["*"], &["*"])
                },
            ),
            (
                "service".to_owned(),
                role("Service", Level::Product, &["decision.check"], &[]),
            ),
        ]
        .into(),
        ..Manifest::default()
    }
}
