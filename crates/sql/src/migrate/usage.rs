//! Counters of the rows of an account, for limits: the database itself keeps them, in the statement that
//! changes the rows, so that no write, cascade or repair by hand can forget them.

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::isolate_accounts;

/// Rows that are counted: `kind` is their number in `account_usage`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedRows {
    /// The table. Its column `account_id` never changes.
    pub table: &'static str,
    /// The number that the counter is stored under.
    pub kind: i16,
    /// Which rows count, as SQL with `{row}` before each column; all where it is empty.
    pub condition: &'static str,
}

/// Makes the table `account_usage` and has the database keep the number of these rows of each account in it.
///
/// # Errors
/// A table is not there.
pub async fn count_rows(conn: &impl ConnectionTrait, all: &[CountedRows]) -> Result<(), DbErr> {
    let postgres = conn.get_database_backend() == DbBackend::Postgres;
    let uuid = if postgres { "uuid" } else { "blob" };
    let table = format!(
        "CREATE TABLE account_usage (account_id {uuid} NOT NULL, kind smallint NOT NULL, used bigint NOT NULL, \
         CONSTRAINT pk_account_usage PRIMARY KEY (account_id, kind))"
    );
    conn.execute_unprepared(&table).await?;
    // The history of the database when its rows were counted last: see `crate::usage`.
    conn.execute_unprepared("CREATE TABLE usage_counted (epoch text NOT NULL)")
        .await?;
    conn.execute_unprepared("INSERT INTO usage_counted (epoch) VALUES ('')")
        .await?;
    isolate_accounts(conn, "account_usage", "account_id").await?;
    for counted in all {
        let statements = if postgres {
            counted.postgres()
        } else {
            counted.sqlite()
        };
        for sql in statements {
            conn.execute_unprepared(&sql).await?;
        }
    }
    Ok(())
}

impl CountedRows {
    /// Counts the rows of the account `$1` that has no counter of them.
    pub(crate) fn recount(&self) -> String {
        let Self { table, kind, .. } = self;
        let counts = self.condition("");
        format!(
            "INSERT INTO account_usage (account_id, kind, used) SELECT account_id, {kind}, COUNT(*) FROM {table} \
             WHERE account_id = $1 AND {counts} GROUP BY account_id"
        )
    }

    fn condition(&self, row: &str) -> String {
        let condition = if self.condition.is_empty() {
            "TRUE"
        } else {
            self.condition
        };
        condition.replace("{row}", row)
    }

    /// One trigger a statement and not a row: an import counts once.
    fn postgres(&self) -> Vec<String> {
        let Self { table, kind, .. } = self;
        let counts = self.condition("");
        let name = format!("{table}_{kind}");
        let of = |rows: &str, sign: &str| {
            format!("SELECT account_id, {sign}count(*) AS n FROM {rows} WHERE {counts} GROUP BY account_id")
        };
        let keep = |rows: String| {
            format!(
                "INSERT INTO account_usage AS u (account_id, kind, used) \
                 SELECT account_id, {kind}, sum(n) FROM ({rows}) c GROUP BY account_id HAVING sum(n) <> 0 \
                 ORDER BY account_id \
                 ON CONFLICT (account_id, kind) DO UPDATE SET used = u.used + excluded.used;"
            )
        };
        let (added, gone) = (of("added", ""), of("gone", "-"));
        let mut all = vec![format!(
            "CREATE FUNCTION count_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF TG_OP = 'INSERT' THEN {} ELSIF TG_OP = 'DELETE' THEN {} ELSE {} END IF; RETURN NULL; END $$",
            keep(added.clone()),
            keep(gone.clone()),
            keep(format!("{added} UNION ALL {gone}"))
        )];
        let mut on = |event: &str, short: &str, rows: &str| {
            all.push(format!(
                "CREATE TRIGGER tg_{name}__{short} AFTER {event} ON {table} REFERENCING {rows} \
                 FOR EACH STATEMENT EXECUTE FUNCTION count_{name}()"
            ));
        };
        on("INSERT", "insert", "NEW TABLE AS added");
        on("DELETE", "delete", "OLD TABLE AS gone");
        if !self.condition.is_empty() {
            on("UPDATE", "update", "OLD TABLE AS gone NEW TABLE AS added");
        }
        all
    }

    fn sqlite(&self) -> Vec<String> {
        let Self { table, kind, .. } = self;
        let (old, new) = (self.condition("OLD."), self.condition("NEW."));
        let on = |event: &str, short: &str, when: &str, row: &str, by: &str| {
            format!(
                "CREATE TRIGGER tg_{table}_{kind}__{short} AFTER {event} ON {table} WHEN {when} BEGIN \
                 INSERT INTO account_usage (account_id, kind, used) VALUES ({row}.account_id, {kind}, {by}) \
                 ON CONFLICT (account_id, kind) DO UPDATE SET used = used + excluded.used; END"
            )
        };
        let mut all = vec![
            on("INSERT", "insert", &new, "NEW", "1"),
            on("DELETE", "delete", &old, "OLD", "-1"),
        ];
        if !self.condition.is_empty() {
            let when = format!("({new}) <> ({old})");
            let by = format!("CASE WHEN {new} THEN 1 ELSE -1 END");
            all.push(on("UPDATE", "update", &when, "NEW", &by));
        }
        all
    }
}
