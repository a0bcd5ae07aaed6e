//! The tables of this crate: revisions, outbox, feed, cursors.

use sea_orm::DbBackend;

use crate::epoch::new_id_sql;

pub(super) fn statements(backend: DbBackend) -> Vec<String> {
    let postgres = backend == DbBackend::Postgres;
    // Byte order, so that rows are locked in the same order everywhere, whatever the collation
    // of the database.
    let (id, bytes, key, hot) = if postgres {
        (
            "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            "bytea",
            "text COLLATE \"C\"",
            " WITH (fillfactor = 50)",
        )
    } else {
        ("integer PRIMARY KEY AUTOINCREMENT", "blob", "text", "")
    };
    // Which file the epoch belongs to: a copy of it is of another history.
    let file = if postgres {
        ""
    } else {
        ", file text NOT NULL DEFAULT ''"
    };
    let without_rowid = if postgres { "" } else { " WITHOUT ROWID" };
    vec![
        format!(
            "CREATE TABLE revision (root {key} PRIMARY KEY NOT NULL, revision bigint NOT NULL, stamp bigint NOT NULL)\
             {hot}{without_rowid}"
        ),
        format!(
            "CREATE TABLE outbox (id {id}, root {key} NOT NULL, revision bigint NOT NULL, stamp bigint NOT NULL, \
             stamp_before bigint NOT NULL, position bigint, payload {bytes} NOT NULL, created_at bigint NOT NULL)"
        ),
        "CREATE UNIQUE INDEX ux_outbox__root__revision ON outbox (root, revision)".to_owned(),
        "CREATE UNIQUE INDEX ux_outbox__position ON outbox (position)".to_owned(),
        "CREATE INDEX ix_outbox__unsequenced ON outbox (id) WHERE position IS NULL".to_owned(),
        format!(
            "CREATE TABLE feed_state (one smallint PRIMARY KEY NOT NULL CHECK (one = 1), head bigint NOT NULL, \
             pruned bigint NOT NULL){hot}"
        ),
        // Apart from what every commit updates: the epoch depends on when the row was written.
        format!(
            "CREATE TABLE feed_epoch (one smallint PRIMARY KEY NOT NULL CHECK (one = 1), id text NOT NULL{file})"
        ),
        format!(
            "CREATE TABLE feed_cursor (source {key} PRIMARY KEY NOT NULL, epoch text NOT NULL, position bigint NOT NULL, \
             snapshot_run text, snapshot_at bigint, counts_from bigint NOT NULL){hot}{without_rowid}"
        ),
        format!(
            "CREATE TABLE applied (source {key} NOT NULL, root {key} NOT NULL, revision bigint NOT NULL, \
             PRIMARY KEY (source, root)){without_rowid}"
        ),
        format!(
            "CREATE TABLE feed_seen (source {key} NOT NULL, kind {key} NOT NULL, item {key} NOT NULL, \
             PRIMARY KEY (source, kind, item)){without_rowid}"
        ),
        format!(
            "CREATE TABLE refused_event (id {id}, source {key} NOT NULL, epoch text NOT NULL, position bigint NOT NULL, \
             root text NOT NULL, revision bigint NOT NULL, reason text NOT NULL, payload {bytes} NOT NULL, \
             refused_at bigint NOT NULL)"
        ),
        "INSERT INTO feed_state (one, head, pruned) VALUES (1, 0, 0)".to_owned(),
        format!(
            "INSERT INTO feed_epoch (one, id) VALUES (1, {})",
            new_id_sql(backend)
        ),
    ]
}
