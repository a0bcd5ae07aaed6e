//! Mails that wait, and the digests of the secrets that they bring.

use sea_orm::DbBackend;

pub(super) fn statements(backend: DbBackend) -> Vec<String> {
    let postgres = backend == DbBackend::Postgres;
    let (uuid, bytes) = if postgres {
        ("uuid", "bytea")
    } else {
        ("blob", "blob")
    };
    vec![
        format!(
            "CREATE TABLE mail (id {uuid} PRIMARY KEY NOT NULL, kind smallint NOT NULL, sealed text NOT NULL, \
             ready boolean NOT NULL, created_at bigint NOT NULL, due_at bigint NOT NULL, \
             last_try_at bigint NOT NULL, attempts integer NOT NULL)"
        ),
        "CREATE INDEX ix_mail__due_at ON mail (due_at)".to_owned(),
        format!(
            "CREATE TABLE one_time_secret (digest {bytes} PRIMARY KEY NOT NULL, \
             user_id {uuid} NOT NULL REFERENCES user_profile (id), purpose smallint NOT NULL, \
             address text NOT NULL, created_at bigint NOT NULL, expires_at bigint NOT NULL)"
        ),
        "CREATE UNIQUE INDEX ux_one_time_secret__user_id__purpose ON one_time_secret (user_id, purpose)"
            .to_owned(),
        "CREATE INDEX ix_one_time_secret__expires_at ON one_time_secret (expires_at)".to_owned(),
    ]
}
