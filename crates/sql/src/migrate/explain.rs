//! Query plans as text, for golden files.

use sea_orm::{ConnectionTrait, Value};

use crate::{Db, Error, conn::rows};

/// The plan of a statement, without costs. Tables of tests are small, so PostgreSQL is told to leave
/// sequential scans alone where there is another way: a plan that still has one has no index to use.
///
/// # Errors
/// The statement is wrong, or the database is unavailable.
pub async fn explain(db: &Db, sql: &str, values: Vec<Value>) -> Result<String, Error> {
    let tx = db.begin_read_across().await?;
    let conn = tx.conn();
    let (prefix, column) = if db.is_postgres() {
        for setting in [
            "enable_seqscan",
            "enable_hashjoin",
            "enable_mergejoin",
            "enable_bitmapscan",
        ] {
            conn.execute_unprepared(&format!("SET LOCAL {setting} = off"))
                .await?;
        }
        ("EXPLAIN (COSTS OFF)", "QUERY PLAN")
    } else {
        ("EXPLAIN QUERY PLAN", "detail")
    };
    let rows = rows(conn, format!("{prefix} {sql}"), values).await?;
    let lines: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get("", column)).collect();
    Ok(lines?.join("\n"))
}
