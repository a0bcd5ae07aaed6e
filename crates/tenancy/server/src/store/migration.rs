//! Tenancy's tables.

use bailiwick_sql::{
    Migrations,
    migrate::{CountedRows, Statements, append_only},
};
use bailiwick_types::Service;
use sea_orm::DbBackend;

use super::convert::{INSTANCE, WORKSPACE};

/// The migrations of tenancy's database.
#[must_use]
pub fn migrations() -> Migrations {
    let isolated = &[
        ("account", "id"),
        ("place", "account_id"),
        ("settings", "account_id"),
        ("closing", "account_id"),
    ];
    let places = Statements::migration("tenancy_0001_places", statements, isolated);
    let usage = Statements::counting("tenancy_0002_usage", COUNTED);
    let restrictions = Statements::migration("tenancy_0003_restrictions", restrictions, &[]);
    let moves = Statements::migration("tenancy_0004_moves", moves, &[("moving", "account_id")]);
    let people = Statements::migration("tenancy_0005_people", people, &[]);
    let audit = Statements::migration("tenancy_0006_audit", audit, &[("audit_entry", "account_id")]);
    Migrations::new(
        Service::Tenancy,
        vec![places, usage, restrictions, moves, people, audit],
    )
}

/// Places that are not deleted, by the number of their level. Workspaces of a deleted instance are not
/// counted any more: they went with it.
pub(crate) const COUNTED: &[CountedRows] = &[
    CountedRows {
        table: "place",
        kind: INSTANCE,
        condition: "{row}level = 3 AND {row}state <> 'deleted'",
    },
    CountedRows {
        table: "place",
        kind: WORKSPACE,
        condition: "{row}level = 4 AND {row}counted AND {row}state <> 'deleted'",
    },
];

/// A closing may lead to a restricted account.
fn restrictions(_: DbBackend) -> Vec<String> {
    vec!["ALTER TABLE closing ADD COLUMN restricted boolean NOT NULL DEFAULT FALSE".to_owned()]
}

fn statements(backend: DbBackend) -> Vec<String> {
    // Keys in byte order, so that lists are sorted alike on both engines, whatever the collation of the
    // database.
    let (uuid, key) = match backend {
        DbBackend::Postgres => ("uuid", "text COLLATE \"C\""),
        _ => ("blob", "text"),
    };
    vec![
        "CREATE TABLE product (name text PRIMARY KEY NOT NULL, epoch text NOT NULL DEFAULT '', version bigint NOT NULL, \
         content text NOT NULL)"
            .to_owned(),
        format!(
            "CREATE TABLE account (id {uuid} PRIMARY KEY NOT NULL, product text NOT NULL, title text NOT NULL, \
             title_key {key} NOT NULL, state text NOT NULL, owner {uuid}, seats bigint NOT NULL, \
             billing_anchor bigint NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL, \
             version bigint NOT NULL, closing boolean NOT NULL)"
        ),
        "CREATE INDEX ix_account__created_at ON account (created_at, id)".to_owned(),
        "CREATE INDEX ix_account__title_key ON account (title_key, id)".to_owned(),
        format!(
            "CREATE TABLE place (account_id {uuid} NOT NULL, id {uuid} NOT NULL, level smallint NOT NULL, \
             parent_id {uuid}, title text NOT NULL, title_key {key} NOT NULL, edition text, state text NOT NULL, \
             created_at bigint NOT NULL, updated_at bigint NOT NULL, version bigint NOT NULL, closing boolean NOT NULL, \
             counted boolean NOT NULL DEFAULT TRUE, PRIMARY KEY (account_id, id), FOREIGN KEY (account_id) REFERENCES account (id))"
        ),
        "CREATE INDEX ix_place__created_at ON place (account_id, level, created_at, id)".to_owned(),
        "CREATE INDEX ix_place__title_key ON place (account_id, level, title_key, id)".to_owned(),
        "CREATE INDEX ix_place__parent ON place (account_id, parent_id)".to_owned(),
        format!(
            "CREATE TABLE settings (account_id {uuid} PRIMARY KEY NOT NULL, version bigint NOT NULL, \
             content text NOT NULL, FOREIGN KEY (account_id) REFERENCES account (id))"
        ),
        // Keyed by who asked and not by account: a request that makes an account has none yet.
        format!(
            "CREATE TABLE request (caller text NOT NULL, id {uuid} NOT NULL, account_id {uuid} NOT NULL, \
             digest text NOT NULL, answer text NOT NULL, revision bigint NOT NULL, created_at bigint NOT NULL, \
             CONSTRAINT pk_request PRIMARY KEY (caller, id))"
        ),
        "CREATE INDEX ix_request__created_at ON request (created_at)".to_owned(),
        format!(
            "CREATE TABLE closing (account_id {uuid} NOT NULL, scope_id {uuid} NOT NULL, scope_level smallint NOT NULL, \
             version bigint NOT NULL, deleted boolean NOT NULL, begun_at bigint NOT NULL, \
             PRIMARY KEY (account_id, scope_id), FOREIGN KEY (account_id) REFERENCES account (id))"
        ),
        "CREATE INDEX ix_closing__begun_at ON closing (begun_at)".to_owned(),
    ]
}

/// What was kept of refused events goes: personal data is in it.
fn people(backend: DbBackend) -> Vec<String> {
    let no_changes = match backend {
        DbBackend::Postgres => "'\\x01'::bytea",
        _ => "x'01'",
    };
    vec![format!("UPDATE refused_event SET payload = {no_changes}")]
}

/// A move between two accounts has a row in each.
fn moves(backend: DbBackend) -> Vec<String> {
    let uuid = match backend {
        DbBackend::Postgres => "uuid",
        _ => "blob",
    };
    vec![
        format!("ALTER TABLE place ADD COLUMN moved_from {uuid}"),
        format!(
            "CREATE TABLE moving (account_id {uuid} NOT NULL, workspace_id {uuid} NOT NULL, source_id {uuid} NOT NULL, \
             target_id {uuid} NOT NULL, parent_id {uuid}, version bigint NOT NULL, mover text NOT NULL, \
             operator boolean NOT NULL, target_operator boolean NOT NULL, request_caller text, request_id {uuid}, \
             request_digest text, begun_at bigint NOT NULL, \
             PRIMARY KEY (account_id, workspace_id), FOREIGN KEY (account_id) REFERENCES account (id))"
        ),
        "CREATE INDEX ix_moving__begun_at ON moving (begun_at)".to_owned(),
    ]
}

/// The audit log. The chain of an account is `account:ID`, the others are `deployment` and `product:NAME`.
fn audit(backend: DbBackend) -> Vec<String> {
    let (uuid, bytes, key) = match backend {
        DbBackend::Postgres => ("uuid", "bytea", "text COLLATE \"C\""),
        _ => ("blob", "blob", "text"),
    };
    let mut all = vec![
        // Who asked for what is under way; nobody knows for what began before.
        "ALTER TABLE closing ADD COLUMN actor text".to_owned(),
        format!(
            "CREATE TABLE audit_entry (chain {key} NOT NULL, sequence bigint NOT NULL, id {uuid} NOT NULL, \
             account_id {uuid}, occurred_at bigint NOT NULL, service text NOT NULL, actor {key} NOT NULL, \
             on_behalf_of text NOT NULL, action {key} NOT NULL, target {key} NOT NULL, outcome text NOT NULL, \
             attempts bigint NOT NULL, request_id text NOT NULL, trace_id text NOT NULL, details text NOT NULL, \
             origin_owner text NOT NULL, origin {bytes} NOT NULL, content_owner text NOT NULL, content {bytes} NOT NULL, \
             previous {bytes} NOT NULL, hash {bytes} NOT NULL, PRIMARY KEY (chain, sequence))"
        ),
        "CREATE UNIQUE INDEX ux_audit_entry__id ON audit_entry (id)".to_owned(),
        "CREATE INDEX ix_audit_entry__actor ON audit_entry (chain, actor, sequence)".to_owned(),
        "CREATE INDEX ix_audit_entry__target ON audit_entry (chain, target, sequence)".to_owned(),
        "CREATE INDEX ix_audit_entry__action ON audit_entry (chain, action, sequence)".to_owned(),
        "CREATE INDEX ix_audit_entry__occurred_at ON audit_entry (chain, occurred_at)".to_owned(),
        format!(
            "CREATE TABLE audit_head (chain {key} PRIMARY KEY NOT NULL, sequence bigint NOT NULL, \
             hash {bytes} NOT NULL, epoch text NOT NULL, suspect boolean NOT NULL, mac_key {bytes} NOT NULL, \
             mac {bytes} NOT NULL)"
        ),
        // A key that is gone stays as a row without one, so that no new one is made. An owner has a second
        // key where the secret of the first one was not there when one was needed.
        format!(
            "CREATE TABLE audit_key (owner {key} NOT NULL, secret {key} NOT NULL, sealed {bytes}, \
             created_at bigint NOT NULL, PRIMARY KEY (owner, secret))"
        ),
        format!(
            "CREATE TABLE audit_cursor (source {key} PRIMARY KEY NOT NULL, epoch text NOT NULL, position bigint NOT NULL)"
        ),
    ];
    all.extend(append_only(backend, "audit_entry"));
    all
}
