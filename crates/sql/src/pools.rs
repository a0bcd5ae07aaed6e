//! Connection pools of the two engines.

use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path, time::Duration};

use bailiwick_types::Service;
use sea_orm::{DatabaseConnection, DbBackend, SqliteTransactionMode, TransactionOptions};
use sqlx::{
    ConnectOptions, Connection, Executor, PgPool, Row, SqlitePool,
    postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{
    Conn, DbConfig, Error,
    address::{Place, Target},
    autocommit::Autocommit,
    conn::{self, begin_postgres},
    error::{Cause, unreachable},
    settings::{Settings, Unit},
};

const SLOW: Duration = Duration::from_secs(1);
/// Sequencer, cursor checks, the listener for notices and one to spare: never starved by requests.
const SERVICE_CONNECTIONS: u32 = 4;

/// The pools of a database. Transactions of requests, statements that load, and the work behind never wait
/// for each other's connections.
pub(crate) struct Pools {
    pub(crate) backend: DbBackend,
    /// Single statements that load decisions' data, feeds and cursors.
    pub(crate) load: Autocommit,
    /// Single statements that write.
    pub(crate) write: Autocommit,
    place: Place,
    engine: Engine,
}

enum Engine {
    Sqlite {
        write: DatabaseConnection,
        read: DatabaseConnection,
    },
    Postgres(Box<Postgres>),
}

struct Postgres {
    settings: Settings,
    /// Transactions of requests.
    main: PgPool,
    /// The sequencer.
    service: PgPool,
    /// The one that a listener takes a connection from; none where only a pooler is known.
    notices: Option<PgPool>,
    /// Where migrations run.
    direct: Option<PgConnectOptions>,
}

impl Pools {
    pub(crate) async fn connect(config: &DbConfig, service: Service) -> Result<Self, Error> {
        match config.address.target()? {
            Target::Sqlite(options) => sqlite(config, *options).await,
            Target::Postgres(options) => postgres(config, *options, service).await,
        }
    }
    /// Begins a transaction.
    pub(crate) async fn begin(&self, unit: &Unit) -> Result<Conn, Error> {
        match &self.engine {
            Engine::Sqlite { write, read } => {
                let (pool, mode) = match unit {
                    Unit::Read(_) => (read, SqliteTransactionMode::Deferred),
                    Unit::Write | Unit::Sequence => (write, SqliteTransactionMode::Immediate),
                };
                // SQLite has no isolation levels, and would log a warning.
                let options = TransactionOptions {
                    isolation_level: None,
                    access_mode: None,
                    sqlite_transaction_mode: Some(mode),
                };
                Ok(Conn::of_sqlite(conn::begin(pool, options).await?))
            }
            Engine::Postgres(postgres) => {
                let pool = match unit {
                    Unit::Read(_) | Unit::Write => &postgres.main,
                    Unit::Sequence => &postgres.service,
                };
                let settings = &postgres.settings;
                let begun = begin_postgres(pool, settings.begin(unit), !settings.pooler).await;
                begun.map_err(|error| match error {
                    // What the server says to a BEGIN is about its statements.
                    said @ sqlx::Error::Database(_) => said.into(),
                    other => unreachable(&self.place, other),
                })
            }
        }
    }
    /// The writer of a file; none on PostgreSQL.
    pub(crate) fn file(&self) -> Option<&DatabaseConnection> {
        match &self.engine {
            Engine::Sqlite { write, .. } => Some(write),
            Engine::Postgres(_) => None,
        }
    }
    /// The pool that a listener for notices takes a connection from.
    pub(crate) fn notices(&self) -> Option<&PgPool> {
        match &self.engine {
            Engine::Sqlite { .. } => None,
            Engine::Postgres(postgres) => postgres.notices.as_ref(),
        }
    }
    /// Connections for migrations: one for the lock, one for the work.
    pub(crate) async fn migrator(&self) -> Result<DatabaseConnection, Error> {
        let Engine::Postgres(postgres) = &self.engine else {
            return Err(Error::Internal(Cause::text("a file needs no migrator")));
        };
        let options = postgres.direct.clone().ok_or_else(|| {
            Error::Refused("`pooler = true` needs a `direct_url` to migrate: not through the pooler".into())
        })?;
        let place = Place::of(&options);
        let pool = PgPoolOptions::new().max_connections(2).max_lifetime(None);
        let connected = pool.connect_with(options).await;
        Ok(connected.map_err(|error| unreachable(&place, error))?.into())
    }
    pub(crate) async fn close(&self) {
        self.load.close().await;
        self.write.close().await;
        match &self.engine {
            Engine::Sqlite { write, read } => {
                for pool in [read, write] {
                    // A pool that is closed twice has nothing to say.
                    let _ = pool.close_by_ref().await;
                }
            }
            Engine::Postgres(postgres) => {
                postgres.main.close().await;
                postgres.service.close().await;
                if let Some(pool) = &postgres.notices {
                    pool.close().await;
                }
            }
        }
    }
}

async fn sqlite(config: &DbConfig, options: SqliteConnectOptions) -> Result<Pools, Error> {
    let place = Place::of_file(&options);
    let failed = |error| unreachable(&place, error);
    private_file(options.get_filename()).map_err(|error| failed(error.into()))?;
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
    let write = pool(1).connect_with(options.clone()).await.map_err(failed)?;
    let readers: SqlitePool =
        pool(config.max_connections.max(2)).connect_lazy_with(options.pragma("query_only", "ON"));
    Ok(Pools {
        backend: DbBackend::Sqlite,
        load: Autocommit::on(place.clone(), readers.clone().into()),
        write: Autocommit::on(place.clone(), write.clone().into()),
        place,
        engine: Engine::Sqlite {
            write: write.into(),
            read: readers.into(),
        },
    })
}

/// Creates the file of an SQLite database where there is none. It holds secrets: nobody but its owner reads
/// it. SQLite gives its companions the same mode.
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

async fn postgres(config: &DbConfig, options: PgConnectOptions, service: Service) -> Result<Pools, Error> {
    let settings = Settings::of(config);
    let named = |options: PgConnectOptions| {
        options
            .application_name(&format!("bailiwick-{service}"))
            .disable_statement_logging()
            .log_slow_statements(log::LevelFilter::Warn, SLOW)
    };
    let options = named(options);
    let place = Place::of(&options);
    // Inside a pool a refused connection is only one that never comes: here it can still be said why.
    let mut first = reach(config, &place, &session(&settings, &options, false)).await?;
    let state = check(&mut first, config).await?;
    if state.compiles && !settings.pooler {
        tracing::warn!(
            database = %place,
            "the role compiles its statements, which is slow: `bailiwick migrate` sets `jit = off` for it"
        );
    }
    if let Some(why) = state.unprotected {
        tracing::warn!(database = %place, why, "insecure");
    }
    first.close().await?;

    let direct = match &config.direct {
        Some(address) => match address.target()? {
            Target::Postgres(options) => Some(named(*options)),
            Target::Sqlite(_) => {
                return Err(Error::Refused("the direct URL is not one of PostgreSQL".into()));
            }
        },
        None => (!settings.pooler).then(|| options.clone()),
    };
    let lazy =
        |max: u32, loads: bool| pool(config, max).connect_lazy_with(session(&settings, &options, loads));
    let main = lazy(config.max_connections, false);
    let load = lazy(config.max_connections, true);
    let service = lazy(SERVICE_CONNECTIONS, false);
    let notices = match (&config.direct, &direct) {
        (Some(_), Some(direct)) => Some(pool(config, 1).connect_lazy_with(direct.clone())),
        (_, Some(_)) => Some(service.clone()),
        (_, None) => {
            tracing::warn!(
                database = %place,
                "changes of other processes are noticed by polling alone: a pooler without a `direct_url`"
            );
            None
        }
    };
    let single = |pool: &PgPool, loads: bool| {
        if settings.pooler {
            Autocommit::pooled(place.clone(), pool.clone(), settings.begin_single(loads))
        } else {
            Autocommit::on(place.clone(), pool.clone().into())
        }
    };
    Ok(Pools {
        backend: DbBackend::Postgres,
        load: single(&load, true),
        write: single(&main, false),
        place,
        engine: Engine::Postgres(Box::new(Postgres {
            settings,
            main,
            service,
            notices,
            direct,
        })),
    })
}

/// How a session is opened: a direct one with its settings, one of a pooler with none that would stay.
fn session(settings: &Settings, options: &PgConnectOptions, loads: bool) -> PgConnectOptions {
    if settings.pooler {
        // A statement that is prepared stays in a session that is the next client's.
        options
            .clone()
            .statement_cache_capacity(0)
            .extra_float_digits(None)
    } else {
        options.clone().options(settings.at_start(loads))
    }
}

async fn reach(config: &DbConfig, place: &Place, options: &PgConnectOptions) -> Result<PgConnection, Error> {
    match tokio::time::timeout(config.acquire_timeout, options.connect()).await {
        Ok(connected) => connected.map_err(|error| unreachable(place, error)),
        Err(_) => Err(Error::Unavailable(Cause::said(format!(
            "{place}: not reachable: no answer within {:?}",
            config.acquire_timeout
        )))),
    }
}

fn pool(config: &DbConfig, max: u32) -> PgPoolOptions {
    let config = config.clone();
    PgPoolOptions::new()
        .acquire_timeout(config.acquire_timeout)
        .max_connections(max.max(1))
        .after_connect(move |conn, _| {
            let config = config.clone();
            Box::pin(async move {
                let checked = check(conn, &config).await;
                checked
                    .map(drop)
                    .map_err(|error| sqlx::Error::Protocol(error.to_string()))
            })
        })
}

/// The state of a session that matters.
struct State {
    compiles: bool,
    /// Why row-level security does not hold, where that is accepted.
    unprotected: Option<String>,
}

/// Refuses what would lose commits or show an account the rows of others.
async fn check(conn: &mut PgConnection, config: &DbConfig) -> Result<State, Error> {
    let sql = "SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('jit') AS jit, \
               rolname::text AS role, rolsuper AS superuser, rolbypassrls AS bypasses \
               FROM pg_roles WHERE rolname = current_user";
    let row = conn.fetch_one(sql).await?;
    lossless(row.try_get("synchronous_commit")?)?;
    let why = match (row.try_get("superuser")?, row.try_get("bypasses")?) {
        (true, _) => Some("is a superuser"),
        (false, true) => Some("has BYPASSRLS"),
        (false, false) => None,
    };
    let role: &str = row.try_get("role")?;
    let unprotected = why
        .map(|why| format!("role `{role}` {why}, so that row-level security does not keep accounts apart"));
    match unprotected {
        Some(why) if !config.unprotected => Err(Error::Refused(
            format!("{why}: use a role with NOSUPERUSER and NOBYPASSRLS, or start with `--insecure`").into(),
        )),
        unprotected => Ok(State {
            compiles: row.try_get::<&str, _>("jit")? == "on",
            unprotected,
        }),
    }
}

/// Refuses a setting under which an acknowledged commit can be lost.
pub(crate) fn lossless(synchronous_commit: &str) -> Result<(), Error> {
    if synchronous_commit == "off" {
        Err(Error::Refused("`synchronous_commit` must not be `off`".into()))
    } else {
        Ok(())
    }
}
