//! The languages of users, what is left of deleted ones, and by which key the mails to an address are found.

use sea_orm::DbBackend;

pub(super) fn statements(backend: DbBackend) -> Vec<String> {
    let postgres = backend == DbBackend::Postgres;
    let (uuid, bytes) = if postgres {
        ("uuid", "bytea")
    } else {
        ("blob", "blob")
    };
    vec![
        "ALTER TABLE user_profile ADD COLUMN locale text NOT NULL DEFAULT ''".to_owned(),
        format!(
            "CREATE TABLE deleted_user (id {uuid} PRIMARY KEY NOT NULL, version bigint NOT NULL, \
             deleted_at bigint NOT NULL)"
        ),
        // Whose they were is not known any more; that they are over must be, while their access tokens last.
        format!("CREATE TABLE ended_session (id {uuid} PRIMARY KEY NOT NULL, ended_at bigint NOT NULL)"),
        "CREATE INDEX ix_ended_session__ended_at ON ended_session (ended_at)".to_owned(),
        // Of mails of before it is not known: they are sealed, and sent or given up within days.
        format!("ALTER TABLE mail ADD COLUMN recipient {bytes}"),
        "CREATE INDEX ix_mail__recipient ON mail (recipient)".to_owned(),
        "CREATE INDEX ix_sign_in_address__user_id ON sign_in_address (user_id) WHERE user_id IS NOT NULL"
            .to_owned(),
        "CREATE INDEX ix_session__user_id ON session (user_id)".to_owned(),
        "CREATE INDEX ix_sign_in_challenge__user_id ON sign_in_challenge (user_id)".to_owned(),
    ]
}
