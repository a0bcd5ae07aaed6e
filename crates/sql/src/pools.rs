//! Connection pools of the two engines.

use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path, str::FromStr, time::Duration};

use bailiwick_types::Service;
use sea_orm::{DatabaseConnection, DbBackend};
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Connection, Executor, PgPool, Row, SqlitePool,
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{DbConfig, Error, error::Cause};

const SLOW: Duration = Duration::from_secs(1);
/// Sequencer, cursor checks, the listener for notices and one to spare: never starved by requests.
const SERVICE_CONNECTIONS: u32 = 4;

/// The pools of a database. Transactions of requests, statements that load, and the work behind never wait
/// for each other's connections.
#[derive(Debug)]
pub(crate) struct Pools {
    pub(crate) backend: DbBackend,
    /// Writing transactions.
    pub(crate) write: DatabaseConnection,
    /// Reading transactions.
    pub(crate) read: DatabaseConnection,
    /// Single statements that load decisions' data, feeds and cursors.
    pub(crate) load: DatabaseConnection,
    /// The sequencer.
    pub(crate) service: DatabaseConnection,
    postgres: Option<(PgPool, PgConnectOptions, PgPoolOptions)>,
}

impl Pools {
    pub(crate) async fn connect(config: &DbConfig, service: Service) -> Result<Self, Error> {
        let url = config.url.expose_secret();
        if url.starts_with("sqlite:") {
            sqlite(config, url).await
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            postgres(config, url, service).await
        } else {
            Err(Error::Refused("the URL must start with `sqlite:` or `postgres:`"))
        }
    }
    /// The pool that a listener for notices takes a connection from.
    pub(crate) fn postgres(&self) -> Option<&PgPool> {
        self.postgres.as_ref().map(|(pool, _, _)| pool)
    }
    /// A connection for migrations that stays the same one, with the session's locks on it (PostgreSQL).
    pub(crate) async fn migrator(&self) -> Result<Option<DatabaseConnection>, Error> {
        let Some((_, options, pool)) = &self.postgres else {
            return Ok(None);
        };
        let pool = pool
            .clone()
            .max_connections(1)
            .max_lifetime(None)
            .idle_timeout(None);
        let pool = pool.connect_with(options.clone()).await?;
        // A migration may take long; what it may not do is wait long for a table that is in use.
        sqlx::raw_sql("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET bailiwick.across = 'on'")
            .execute(&pool)
            .await?;
        Ok(Some(pool.into()))
    }
    pub(crate) async fn close(&self) {
        for pool in [&self.read, &self.load, &self.service, &self.write] {
            // A pool that is closed twice has nothing to say.
            let _ = pool.close_by_ref().await;
        }
    }
}

async fn sqlite(config: &DbConfig, url: &str) -> Result<Pools, Error> {
    let options = SqliteConnectOptions::from_str(url)?;
    if url.contains(":memory:") || url.contains("mode=memory") {
        return Err(Error::Refused(
            "an in-memory database cannot be shared by several connections",
        ));
    }
    private_file(options.get_filename()).map_err(|error| Error::Unavailable(Cause::new(error)))?;
    let options = options
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(config.lock_timeout)
        .disable_statement_logging()
        .log_slow_statements(log::LevelFilter::Warn, SLOW);
    let pool = |max| {
        SqlitePoolOptions::new()
            .acquire_timeout(config.acquire_timeout)
            .max_lifetime(None)
            .idle_timeout(None)
            .max_connections(max)
    };
    // One writer, and a queue in front of it that serves in order.
    let write = pool(1).connect_with(options.clone()).await?;
    let readers: SqlitePool =
        pool(config.max_connections.max(2)).connect_lazy_with(options.pragma("query_only", "ON"));
    Ok(Pools {
        backend: DbBackend::Sqlite,
        service: write.clone().into(),
        write: write.into(),
        load: readers.clone().into(),
        read: readers.into(),
        postgres: None,
    })
}

/// Creates the file of an SQLite database where there is none. It holds secrets: nobody but its owner reads it.
/// SQLite gives its companions the same mode.
///
/// # Errors
/// The file cannot be created.
pub fn private_file(path: &Path) -> io::Result<()> {
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

async fn postgres(config: &DbConfig, url: &str, service: Service) -> Result<Pools, Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name(&format!("bailiwick-{service}"))
        .disable_statement_logging()
        .log_slow_statements(log::LevelFilter::Warn, SLOW);
    // Inside a pool a refused connection is only one that never comes: here it can still be said why.
    let mut first = options.connect().await?;
    first
        .execute(sqlx::AssertSqlSafe(settings(config, false)))
        .await?;
    refuse_lossy(&mut first).await?;
    first.close().await?;

    let main = pool(config, config.max_connections, false).connect_lazy_with(options.clone());
    let load = pool(config, config.max_connections, true).connect_lazy_with(options.clone());
    let service = pool(config, SERVICE_CONNECTIONS, false).connect_lazy_with(options.clone());
    let migrator = pool(config, 1, false);
    Ok(Pools {
        backend: DbBackend::Postgres,
        write: main.clone().into(),
        read: main.into(),
        load: load.into(),
        service: service.clone().into(),
        postgres: Some((service, options, migrator)),
    })
}

fn pool(config: &DbConfig, max: u32, loads: bool) -> PgPoolOptions {
    let settings = settings(config, loads);
    PgPoolOptions::new()
        .acquire_timeout(config.acquire_timeout)
        .max_connections(max.max(1))
        .after_connect(move |conn, _| {
            let settings = settings.clone();
            Box::pin(async move {
                conn.execute(sqlx::AssertSqlSafe(settings)).await?;
                if !loads {
                    refuse_lossy(conn)
                        .await
                        .map_err(|error| sqlx::Error::Protocol(error.to_string()))?;
                }
                Ok(())
            })
        })
}

/// Connections that load read only, and see the rows of every account: their statements name
/// the account themselves. Nothing is compiled: the planner expects many rows of a recursive statement that
/// finds few, and compiling it takes some hundred times as long as running it.
fn settings(config: &DbConfig, loads: bool) -> String {
    let (read_only, across) = if loads { ("on", "on") } else { ("off", "") };
    format!(
        "SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = {read_only}; \
         SET bailiwick.across = '{across}'; SET bailiwick.account = ''; SET timezone = 'UTC'; SET jit = off; \
         SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
        config.statement_timeout.as_millis(),
        config.lock_timeout.as_millis(),
        config.idle_in_transaction_timeout.as_millis(),
    )
}

async fn refuse_lossy(conn: &mut PgConnection) -> Result<(), Error> {
    let row = conn
        .fetch_one("SELECT current_setting('synchronous_commit') AS synchronous_commit")
        .await?;
    lossless(row.try_get("synchronous_commit")?)
}

/// Refuses a setting under which an acknowledged commit can be lost.
pub(crate) fn lossless(synchronous_commit: &str) -> Result<(), Error> {
    if synchronous_commit == "off" {
        Err(Error::Refused("`synchronous_commit` must not be `off`"))
    } else {
        Ok(())
    }
}
