//! Row-level security: the second wall between accounts (PostgreSQL).

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

/// Lets transactions see and write only the rows of the accounts that they were begun for, also for the owner
/// of the table. `column` holds the account's UUID. Connections that load, and transactions that were begun
/// across accounts, see all rows. A session that has not said whose rows it wants gets an error: it must not
/// take what it may not see for what is not there. Does nothing on SQLite.
///
/// # Errors
/// The table or the column is not there.
pub async fn isolate_accounts(conn: &impl ConnectionTrait, table: &str, column: &str) -> Result<(), DbErr> {
    if conn.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    // The setting is read once a statement, not once a row. Neither an absent setting nor an empty one, which
    // is what it becomes when the transaction that set it ends, is an array: reading it fails.
    let sql = format!(
        "ALTER TABLE \"{table}\" ENABLE ROW LEVEL SECURITY; ALTER TABLE \"{table}\" FORCE ROW LEVEL SECURITY; \
         CREATE POLICY account_isolation ON \"{table}\" USING (\
         (SELECT current_setting('bailiwick.across', true)) = 'on' \
         OR \"{column}\" = ANY ((SELECT current_setting('bailiwick.account')::uuid[])::uuid[]))"
    );
    conn.execute_unprepared(&sql).await?;
    Ok(())
}
