//! Running migrations.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    TransactionOptions,
};
use sea_orm_migration::{MigrationTrait, SchemaManager};
use tokio::time::{Instant, sleep};

use super::{Migrations, SchemaStatus, roles};
use crate::{
    Db, Error,
    conn::{begin, execute, row, rows},
    error::Cause,
    settings::Settings,
};

/// The advisory lock of migrations: a number of our own (`bailiwic` in ASCII).
const LOCK: i64 = 0x6261_696c_6977_6963;
const RETRY: Duration = Duration::from_millis(50);
/// How often a migration that does not get its locks starts again.
const ATTEMPTS: usize = 20;

impl Db {
    /// Applies what is pending and returns the names of what this call has applied. One process at a time
    /// does so; the others wait and find nothing left to do. A failing migration leaves nothing behind but
    /// those before it.
    ///
    /// # Errors
    /// The database is unavailable, another process migrates for too long, or a migration fails.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<Vec<String>, Error> {
        if let Some(file) = self.inner.pools.file() {
            // One file has one writer at a time, and each migration looks for itself whether it is done.
            return self.apply_all(file, migrations).await;
        }
        let pool = self.inner.pools.migrator().await?;
        let done = async {
            let lock = self.take_lock(&pool).await?;
            let applied = self.apply_all(&pool, migrations).await?;
            let run_time_role = self.inner.config.run_time_role.as_deref();
            roles::prepare(&pool, run_time_role).await?;
            lock.commit().await?;
            Ok(applied)
        }
        .await;
        // The lock goes with its transaction. Closing tells nothing that could be acted on.
        let _ = pool.close().await;
        done
    }
    /// Compares the schema with the migrations that this program knows, without changing anything.
    ///
    /// # Errors
    /// The database is unavailable.
    pub async fn schema_status(&self, migrations: &Migrations) -> Result<SchemaStatus, Error> {
        let conn = self.load();
        let sql = if self.is_postgres() {
            "SELECT 1 AS one FROM information_schema.tables \
             WHERE table_schema = current_schema() AND table_name = 'schema_migration'"
        } else {
            "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'"
        };
        if row(conn, sql, vec![]).await?.is_none() {
            return Ok(migrations.compare(Vec::new()));
        }
        let sql = "SELECT name FROM schema_migration ORDER BY ordinal";
        let rows = rows(conn, sql, vec![]).await?;
        let applied: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get("", "name")).collect();
        Ok(migrations.compare(applied?))
    }
    /// Refuses a schema that this program cannot work on.
    ///
    /// # Errors
    /// It is too old or too new, or the database is unavailable.
    pub async fn check_schema(&self, migrations: &Migrations) -> Result<(), Error> {
        Ok(self.schema_status(migrations).await?.check(migrations.service)?)
    }

    /// Waits for the lock of migrations: one of a transaction, which holds it until it ends.
    async fn take_lock(&self, pool: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
        let end = Instant::now() + self.inner.config.migration_wait;
        loop {
            let tx = begin_migration(pool).await?;
            let sql = "SELECT pg_try_advisory_xact_lock($1) AS had";
            let row = row(&tx, sql, vec![LOCK.into()]).await?;
            if row.is_some_and(|row| row.try_get("", "had").unwrap_or(false)) {
                return Ok(tx);
            }
            tx.rollback().await?;
            if Instant::now() >= end {
                return Err(Error::Conflict(Cause::text("another process is migrating")));
            }
            sleep(RETRY).await;
        }
    }
    async fn apply_all(
        &self,
        conn: &DatabaseConnection,
        migrations: &Migrations,
    ) -> Result<Vec<String>, Error> {
        let ordinal = if self.is_postgres() {
            "bigint GENERATED ALWAYS AS IDENTITY"
        } else {
            "integer PRIMARY KEY AUTOINCREMENT"
        };
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS schema_migration \
             (ordinal {ordinal}, name text NOT NULL UNIQUE, applied_at bigint NOT NULL)"
        );
        conn.execute_unprepared(&sql).await?;
        let mut applied = Vec::new();
        for migration in &migrations.all {
            if self.apply(conn, migration.as_ref()).await? {
                tracing::info!(migration = migration.name(), service = %migrations.service, "migration applied");
                applied.push(migration.name().to_owned());
            }
        }
        Ok(applied)
    }
    /// Applies one; waiting for a table that is in use blocks everybody behind, so it waits shortly
    /// and tries again.
    async fn apply(&self, conn: &DatabaseConnection, migration: &dyn MigrationTrait) -> Result<bool, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.apply_once(conn, migration).await {
                Err(Error::Conflict(_)) if attempt < ATTEMPTS => sleep(RETRY).await,
                other => return other,
            }
        }
    }
    async fn apply_once(
        &self,
        conn: &DatabaseConnection,
        migration: &dyn MigrationTrait,
    ) -> Result<bool, Error> {
        let tx = begin_migration(conn).await?;
        let name = migration.name();
        let sql = "SELECT 1 AS one FROM schema_migration WHERE name = $1";
        if row(&tx, sql, vec![name.into()]).await?.is_some() {
            tx.rollback().await?;
            return Ok(false);
        }
        migration.up(&SchemaManager::new(&tx)).await?;
        let sql = "INSERT INTO schema_migration (name, applied_at) VALUES ($1, $2)";
        let values = vec![name.into(), self.clock().now().0.into()];
        execute(&tx, sql, values).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// Begins a transaction of a migration, with its settings in it.
pub(super) async fn begin_migration(conn: &DatabaseConnection) -> Result<DatabaseTransaction, Error> {
    let options = TransactionOptions {
        isolation_level: None,
        access_mode: None,
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
    };
    let tx = begin(conn, options).await?;
    if tx.get_database_backend() == DbBackend::Postgres {
        tx.execute_unprepared(&Settings::migration()).await?;
    }
    Ok(tx)
}
