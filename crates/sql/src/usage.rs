//! Counts the rows of accounts anew where a database was restored: rows that are put back one by one are
//! counted again by the database, on top of the counters that were put back too.

use std::time::Duration;

use bailiwick_types::{AccountId, ScopeRoot};
use uuid::Uuid;

use crate::{
    Db, Error,
    conn::{execute, row, rows},
    epoch::epoch_sql,
    error::Cause,
    migrate::CountedRows,
};

/// Accounts that are read together.
const BATCH: i64 = 500;
/// The pause before the history is looked at again.
const PAUSE: Duration = Duration::from_mins(10);

/// Counts anew where the database has another history than when its rows were counted last, and answers
/// whether it did. Each account is counted under its lock. The accounts are those of the table `account`.
///
/// # Errors
/// The database fails; what was counted stays counted.
pub async fn recount_restored(db: &Db, counted: &[CountedRows]) -> Result<bool, Error> {
    let sql = format!(
        "SELECT {} AS epoch, u.epoch AS counted FROM usage_counted u",
        epoch_sql(db.backend())
    );
    let found = row(db.load(), sql, vec![]).await?;
    let found = found.ok_or(Error::Internal(Cause::text("usage_counted has no row")))?;
    let epoch = db.epoch_in(&found)?;
    if found.try_get::<String>("", "counted")? == *epoch {
        return Ok(false);
    }
    let mut after = Uuid::nil();
    loop {
        let sql = "SELECT id FROM account WHERE id > $1 ORDER BY id LIMIT $2";
        let accounts = rows(db.load(), sql, vec![after.into(), BATCH.into()]).await?;
        for account in &accounts {
            after = account.try_get("", "id")?;
            recount(db, counted, AccountId::from_uuid(after)).await?;
        }
        if accounts.is_empty() {
            break;
        }
    }
    let tx = db.begin_write(&[]).await?;
    let sql = "UPDATE usage_counted SET epoch = $1";
    execute(tx.conn(), sql, vec![epoch.to_string().into()]).await?;
    tx.commit().await?;
    Ok(true)
}

async fn recount(db: &Db, counted: &[CountedRows], account: AccountId) -> Result<(), Error> {
    let tx = db.begin_write(&[ScopeRoot::Account(account)]).await?;
    let values = || vec![account.uuid().into()];
    execute(
        tx.conn(),
        "DELETE FROM account_usage WHERE account_id = $1",
        values(),
    )
    .await?;
    for rows in counted {
        execute(tx.conn(), rows.recount(), values()).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Counts anew whenever the database turns out to be restored.
pub async fn keep_counted(db: Db, counted: &[CountedRows]) {
    loop {
        match recount_restored(&db, counted).await {
            Ok(true) => tracing::info!("counted the rows of accounts for their limits"),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(
                    error = error.detail(),
                    "cannot count the rows of accounts; retrying"
                );
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
