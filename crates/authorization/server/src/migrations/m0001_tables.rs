//! All tables. Every table of an account has `account_id` first in its key, so that the schema can be sharded
//! by it.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, prelude::DbErr,
};

/// The step.
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "authorization_0001_tables"
    }
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        super::run(manager, PRODUCTS).await?;
        super::run(manager, PLACES).await?;
        super::run(manager, PEOPLE).await?;
        super::run(manager, RIGHTS).await?;
        super::run(manager, BOOKKEEPING).await
    }
}

const PRODUCTS: &[&str] = &[
    "CREATE TABLE product (
        name text NOT NULL, version bigint NOT NULL, manifest text NOT NULL, canonical text NOT NULL,
        numbers text NOT NULL, updated_at bigint NOT NULL,
        CONSTRAINT pk_product PRIMARY KEY (name))",
    "CREATE TABLE product_version (
        name text NOT NULL, version bigint NOT NULL, manifest text NOT NULL, numbers text NOT NULL,
        applied_at bigint NOT NULL,
        CONSTRAINT pk_product_version PRIMARY KEY (name, version))",
    "CREATE TABLE root_binding (
        root text NOT NULL, subject text NOT NULL, role text NOT NULL,
        generation integer NOT NULL DEFAULT 0, created_at bigint NOT NULL,
        CONSTRAINT pk_root_binding PRIMARY KEY (root, subject, role))",
    "CREATE INDEX ix_root_binding__subject ON root_binding (subject)",
];

// `revision` of users and service accounts is the deployment's that closed or opened them last.
// Versions of what other services own (`version`, `closed_version`, `settings_version`) count within the
// epoch beside them; the empty one is that of nothing told yet.
const PLACES: &[&str] = &[
    "CREATE TABLE account (
        id {uuid} NOT NULL, product text NOT NULL, title text NOT NULL, state smallint NOT NULL,
        epoch text NOT NULL DEFAULT '', version bigint NOT NULL, closed_epoch text, closed_version bigint,
        seats integer NOT NULL, billing_anchor bigint NOT NULL, settings text NOT NULL,
        settings_epoch text NOT NULL DEFAULT '', settings_version bigint NOT NULL, created_at bigint NOT NULL,
        CONSTRAINT pk_account PRIMARY KEY (id))",
    "CREATE INDEX ix_account__product ON account (product, id)",
    "CREATE TABLE place (
        account_id {uuid} NOT NULL, id {uuid} NOT NULL, level smallint NOT NULL, parent_id {uuid} NOT NULL,
        title text NOT NULL, edition text, state smallint NOT NULL, epoch text NOT NULL DEFAULT '',
        version bigint NOT NULL, closed_epoch text, closed_version bigint, created_at bigint NOT NULL,
        CONSTRAINT pk_place PRIMARY KEY (account_id, id))",
    "CREATE INDEX ix_place__parent ON place (account_id, parent_id)",
    // What was closed before the feed has told of it.
    "CREATE TABLE early_closure (
        account_id {uuid} NOT NULL, scope_id {uuid} NOT NULL, epoch text NOT NULL DEFAULT '', version bigint NOT NULL,
        state smallint NOT NULL,
        CONSTRAINT pk_early_closure PRIMARY KEY (account_id, scope_id))",
    "CREATE TABLE account_role (
        account_id {uuid} NOT NULL, name text NOT NULL, number integer NOT NULL, title text NOT NULL,
        definition text NOT NULL, generation integer NOT NULL DEFAULT 0,
        CONSTRAINT pk_account_role PRIMARY KEY (account_id, name))",
    "CREATE UNIQUE INDEX ux_account_role__number ON account_role (account_id, number)",
    "CREATE TABLE role_overlay (
        account_id {uuid} NOT NULL, role text NOT NULL, level smallint NOT NULL, added text NOT NULL,
        removed text NOT NULL, generation integer NOT NULL DEFAULT 0,
        CONSTRAINT pk_role_overlay PRIMARY KEY (account_id, role, level))",
];

const PEOPLE: &[&str] = &[
    "CREATE TABLE user_state (
        user_id {uuid} NOT NULL, state smallint NOT NULL, epoch text NOT NULL DEFAULT '', version bigint NOT NULL,
        closed_epoch text, closed_version bigint, email text NOT NULL, email_key text NOT NULL, email_verified {bool} NOT NULL, operator {bool} NOT NULL,
        revision bigint NOT NULL DEFAULT 0,
        CONSTRAINT pk_user_state PRIMARY KEY (user_id))",
    "CREATE INDEX ix_user_state__email_key ON user_state (email_key)",
    "CREATE TABLE service_state (
        service_id {uuid} NOT NULL, epoch text NOT NULL DEFAULT '', version bigint NOT NULL, closed_epoch text,
        closed_version bigint, enabled {bool} NOT NULL, scope text NOT NULL, role text NOT NULL,
        revision bigint NOT NULL DEFAULT 0,
        CONSTRAINT pk_service_state PRIMARY KEY (service_id))",
    "CREATE INDEX ix_service_state__scope ON service_state (scope)",
    "CREATE TABLE member (
        account_id {uuid} NOT NULL, user_id {uuid} NOT NULL, kind smallint NOT NULL, state smallint NOT NULL,
        expires_at bigint, created_at bigint NOT NULL,
        CONSTRAINT pk_member PRIMARY KEY (account_id, user_id))",
    "CREATE INDEX ix_member__user ON member (user_id)",
    "CREATE TABLE invitation (
        account_id {uuid} NOT NULL, id {uuid} NOT NULL, email text NOT NULL, email_key text NOT NULL,
        scope_level smallint NOT NULL, scope_id {uuid} NOT NULL, member_kind smallint NOT NULL DEFAULT 1,
        roles text NOT NULL, generation integer NOT NULL DEFAULT 0, state smallint NOT NULL,
        creator text NOT NULL, expires_at bigint NOT NULL, created_at bigint NOT NULL, version bigint NOT NULL,
        CONSTRAINT pk_invitation PRIMARY KEY (account_id, id))",
    "CREATE UNIQUE INDEX ux_invitation__pending ON invitation (account_id, email_key, scope_id) WHERE state = 1",
    "CREATE TABLE subject_group (
        account_id {uuid} NOT NULL, id {uuid} NOT NULL, subject text NOT NULL, title text NOT NULL,
        created_at bigint NOT NULL,
        CONSTRAINT pk_subject_group PRIMARY KEY (account_id, id))",
    "CREATE TABLE group_member (
        account_id {uuid} NOT NULL, group_id {uuid} NOT NULL, subject text NOT NULL,
        CONSTRAINT pk_group_member PRIMARY KEY (account_id, group_id, subject))",
    "CREATE INDEX ix_group_member__subject ON group_member (account_id, subject)",
    "CREATE INDEX ix_group_member__subject_anywhere ON group_member (subject)",
];

const RIGHTS: &[&str] = &[
    "CREATE TABLE binding (
        account_id {uuid} NOT NULL, id {uuid} NOT NULL, subject text NOT NULL, role text NOT NULL,
        scope_level smallint NOT NULL, scope_id {uuid} NOT NULL, key text NOT NULL DEFAULT '', parameters text,
        expires_at bigint, created_at bigint NOT NULL, creator text,
        CONSTRAINT pk_binding PRIMARY KEY (account_id, id))",
    "CREATE UNIQUE INDEX ux_binding__subject ON binding (account_id, subject, role, scope_id, key)",
    "CREATE INDEX ix_binding__scope ON binding (account_id, scope_id)",
    "CREATE INDEX ix_binding__role ON binding (account_id, role, scope_id)",
    "CREATE INDEX ix_binding__subject_anywhere ON binding (subject)",
    // `grant` is a reserved word.
    "CREATE TABLE entitlement (
        account_id {uuid} NOT NULL, id {uuid} NOT NULL, subject text NOT NULL, kind smallint NOT NULL,
        scope_level smallint, scope_id {uuid}, resource_type text, resource_id text, applies_to smallint,
        revision bigint NOT NULL, permissions text NOT NULL, generation integer NOT NULL DEFAULT 0,
        parameters text, expires_at bigint,
        created_at bigint NOT NULL, creator text,
        CONSTRAINT pk_entitlement PRIMARY KEY (account_id, id))",
    "CREATE INDEX ix_entitlement__subject ON entitlement (account_id, subject)",
    "CREATE INDEX ix_entitlement__subject_anywhere ON entitlement (subject)",
    "CREATE INDEX ix_entitlement__resource ON entitlement (account_id, resource_type, resource_id)",
    "CREATE TABLE resource (
        account_id {uuid} NOT NULL, type text NOT NULL, id text NOT NULL, scope_level smallint NOT NULL,
        scope_id {uuid} NOT NULL, owner text, parent_type text, parent_id text, title text NOT NULL,
        attributes text NOT NULL, revision bigint NOT NULL, created_at bigint NOT NULL, updated_at bigint NOT NULL,
        CONSTRAINT pk_resource PRIMARY KEY (account_id, type, id))",
    "CREATE INDEX ix_resource__scope ON resource (account_id, scope_id)",
    "CREATE INDEX ix_resource__parent ON resource (account_id, parent_type, parent_id)",
    "CREATE INDEX ix_resource__owner ON resource (account_id, owner, type)",
    "CREATE TABLE approval (
        account_id {uuid} NOT NULL, id {uuid} NOT NULL, subject text NOT NULL, permission text NOT NULL,
        target text NOT NULL, digest text NOT NULL, bound text NOT NULL DEFAULT '', approver_permission text NOT NULL, state smallint NOT NULL,
        serves_once {bool} NOT NULL, lasts_seconds bigint, expires_at bigint, created_at bigint NOT NULL,
        decided_at bigint, decided_by text,
        CONSTRAINT pk_approval PRIMARY KEY (account_id, id))",
    "CREATE INDEX ix_approval__subject ON approval (account_id, subject)",
    "CREATE TABLE seat_ending (
        account_id {uuid} NOT NULL, user_id {uuid} NOT NULL, ends_at bigint NOT NULL,
        CONSTRAINT pk_seat_ending PRIMARY KEY (account_id, user_id, ends_at))",
    "CREATE TABLE quota (
        account_id {uuid} NOT NULL, subject text NOT NULL, type text NOT NULL, maximum bigint NOT NULL,
        CONSTRAINT pk_quota PRIMARY KEY (account_id, subject, type))",
];

const BOOKKEEPING: &[&str] = &[
    "CREATE TABLE part (
        account_id {uuid} NOT NULL, kind smallint NOT NULL, key text NOT NULL, revision bigint NOT NULL,
        CONSTRAINT pk_part PRIMARY KEY (account_id, kind, key))",
    "CREATE TABLE idempotency (
        root text NOT NULL, request_id text NOT NULL, method text NOT NULL, digest text NOT NULL,
        response text NOT NULL, created_at bigint NOT NULL,
        CONSTRAINT pk_idempotency PRIMARY KEY (root, request_id))",
];
