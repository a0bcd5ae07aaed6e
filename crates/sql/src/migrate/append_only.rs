//! Tables whose rows are added and never changed.

use sea_orm::DbBackend;

/// The trigger that refuses changes on PostgreSQL. [`super::roles`] takes the rights to make them from the
/// role that serves, on every table that has one.
pub(super) const TRIGGER: &str = "tg_append_only";

/// The statements after which the database refuses to change or delete rows of a table, also to its owner.
#[must_use]
pub fn append_only(backend: DbBackend, table: &str) -> Vec<String> {
    let refusal = format!("rows of {table} are added and never changed");
    if backend == DbBackend::Postgres {
        return vec![
            format!(
                "CREATE FUNCTION refuse_{table}() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION '{refusal}'; END $$"
            ),
            format!(
                "CREATE TRIGGER {TRIGGER} BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse_{table}()"
            ),
        ];
    }
    let refuse = |event: &str, short: &str| {
        format!(
            "CREATE TRIGGER {TRIGGER}_{table}__{short} BEFORE {event} ON {table} BEGIN \
             SELECT RAISE(ABORT, '{refusal}'); END"
        )
    };
    vec![refuse("UPDATE", "update"), refuse("DELETE", "delete")]
}
