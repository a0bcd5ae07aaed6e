//! API keys; the second secret of a service account while it is rotated, and its tombstone.

use sea_orm::DbBackend;

pub(super) fn statements(backend: DbBackend) -> Vec<String> {
    let postgres = backend == DbBackend::Postgres;
    let (uuid, bytes) = if postgres {
        ("uuid", "bytea")
    } else {
        ("blob", "blob")
    };
    vec![
        // `secret` stays the older of two: older programs, which still run during a rollout, know it alone.
        format!("ALTER TABLE service_account ADD COLUMN new_secret {bytes}"),
        "ALTER TABLE service_account ADD COLUMN old_secret_ends_at bigint".to_owned(),
        "ALTER TABLE service_account ADD COLUMN deleted_at bigint".to_owned(),
        "ALTER TABLE service_closing ADD COLUMN deletes boolean NOT NULL DEFAULT false".to_owned(),
        format!(
            "CREATE TABLE api_key (id {uuid} PRIMARY KEY NOT NULL, \
             user_id {uuid} NOT NULL REFERENCES user_profile (id), account_id {uuid} NOT NULL, \
             title text NOT NULL, scope text NOT NULL, permissions text NOT NULL, networks text NOT NULL, \
             pepper text NOT NULL, digest {bytes} NOT NULL, created_at bigint NOT NULL, \
             expires_at bigint NOT NULL, revoked_at bigint, last_used_at bigint, renewed_by {uuid})"
        ),
        "CREATE INDEX ix_api_key__account_id__id ON api_key (account_id, id)".to_owned(),
        "CREATE INDEX ix_api_key__user_id ON api_key (user_id)".to_owned(),
        "CREATE INDEX ix_api_key__expires_at ON api_key (expires_at)".to_owned(),
        "CREATE INDEX ix_api_key__revoked_at ON api_key (revoked_at) WHERE revoked_at IS NOT NULL".to_owned(),
        "CREATE INDEX ix_api_key__renewed_by ON api_key (renewed_by) WHERE renewed_by IS NOT NULL".to_owned(),
    ]
}
