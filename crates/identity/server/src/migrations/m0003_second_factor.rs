//! Where sessions began and how, refresh tokens by their parent, step-ups by method, second factors.
//!
//! `session.stepped_up_at` is not used any more: older programs, which still run during a rollout, have it.

use sea_orm::DbBackend;

pub(super) fn statements(backend: DbBackend) -> Vec<String> {
    let postgres = backend == DbBackend::Postgres;
    let (uuid, bytes) = if postgres {
        ("uuid", "bytea")
    } else {
        ("blob", "blob")
    };
    vec![
        // Sessions of before began with a password, somewhere.
        "ALTER TABLE session ADD COLUMN refreshed_at bigint".to_owned(),
        "ALTER TABLE session ADD COLUMN proof smallint NOT NULL DEFAULT 1".to_owned(),
        "ALTER TABLE session ADD COLUMN user_agent text NOT NULL DEFAULT ''".to_owned(),
        "ALTER TABLE session ADD COLUMN network text NOT NULL DEFAULT 'unknown'".to_owned(),
        format!("ALTER TABLE refresh_token ADD COLUMN parent {bytes}"),
        "ALTER TABLE refresh_token ADD COLUMN access_token text".to_owned(),
        "CREATE INDEX ix_refresh_token__parent ON refresh_token (parent) WHERE used_at IS NULL".to_owned(),
        "CREATE INDEX ix_refresh_token__expires_at ON refresh_token (expires_at)".to_owned(),
        "CREATE TABLE revoked_token (token text PRIMARY KEY NOT NULL, expires_at bigint NOT NULL)".to_owned(),
        "CREATE INDEX ix_revoked_token__expires_at ON revoked_token (expires_at)".to_owned(),
        format!(
            "CREATE TABLE step_up (session_id {uuid} NOT NULL REFERENCES session (id) ON DELETE CASCADE, \
             method text NOT NULL, made_at bigint, consumed_at bigint, request {bytes}, \
             PRIMARY KEY (session_id, method))"
        ),
        format!(
            "CREATE TABLE totp (user_id {uuid} PRIMARY KEY NOT NULL REFERENCES user_profile (id), \
             secret text NOT NULL, created_at bigint NOT NULL, confirmed_at bigint, \
             last_step bigint NOT NULL, failures integer NOT NULL)"
        ),
        format!(
            "CREATE TABLE recovery_code (digest {bytes} PRIMARY KEY NOT NULL, \
             user_id {uuid} NOT NULL REFERENCES user_profile (id))"
        ),
        "CREATE INDEX ix_recovery_code__user_id ON recovery_code (user_id)".to_owned(),
        format!(
            "CREATE TABLE sign_in_challenge (digest {bytes} PRIMARY KEY NOT NULL, \
             user_id {uuid} NOT NULL REFERENCES user_profile (id), password {bytes} NOT NULL, \
             account_id {uuid}, user_agent text NOT NULL, network text NOT NULL, device {bytes}, \
             expires_at bigint NOT NULL, failures integer NOT NULL)"
        ),
        "CREATE INDEX ix_sign_in_challenge__expires_at ON sign_in_challenge (expires_at)".to_owned(),
    ]
}
