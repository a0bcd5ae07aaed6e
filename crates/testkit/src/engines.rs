//! One way to run a test on both databases.

use std::{fmt, future::Future, path::PathBuf};

use crate::{Postgres, TestDatabase};

/// A database engine that the suite supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in a folder of its own.
    Sqlite,
    /// A database on the server that the tests of this process share.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

/// An empty database of one test on either engine, removed when it is dropped.
#[derive(Debug)]
pub struct TestDb(Place);

#[derive(Debug)]
enum Place {
    Folder(tempfile::TempDir),
    Server(TestDatabase),
}

impl TestDb {
    /// An empty database on this engine.
    ///
    /// # Panics
    /// There is no PostgreSQL or no folder for temporary files.
    #[expect(clippy::panic, reason = "without a database there is no test")]
    pub async fn new(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Postgres::database().await.into(),
            Engine::Sqlite => match tempfile::tempdir() {
                Ok(folder) => Self(Place::Folder(folder)),
                Err(error) => panic!("no temporary folder: {error}"),
            },
        }
    }
    /// An empty file.
    pub async fn sqlite() -> Self {
        Self::new(Engine::Sqlite).await
    }
    /// An empty database on the server that the tests of this process share.
    pub async fn postgres() -> Self {
        Self::new(Engine::Postgres).await
    }
    /// Its engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.0 {
            Place::Folder(_) => Engine::Sqlite,
            Place::Server(_) => Engine::Postgres,
        }
    }
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        match (&self.0, self.file()) {
            (Place::Server(database), _) => database.url(),
            (Place::Folder(_), file) => format!("sqlite://{}", file.unwrap_or_default().display()),
        }
    }
    /// The file of an SQLite database. It does not exist before the first connection.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        match &self.0 {
            Place::Folder(folder) => Some(folder.path().join("test.db")),
            Place::Server(_) => None,
        }
    }
    /// The database on a PostgreSQL server.
    #[must_use]
    pub fn on_server(&self) -> Option<&TestDatabase> {
        match &self.0 {
            Place::Folder(_) => None,
            Place::Server(database) => Some(database),
        }
    }
}

impl From<TestDatabase> for TestDb {
    fn from(database: TestDatabase) -> Self {
        Self(Place::Server(database))
    }
}

/// What a test takes: built on an empty database.
pub trait Fixture: Sized {
    /// Builds it.
    fn on(database: TestDb) -> impl Future<Output = Self>;
}

impl Fixture for TestDb {
    async fn on(database: TestDb) -> Self {
        database
    }
}

/// Runs a test on one engine. Tests are declared by [`on_both_engines!`](crate::on_both_engines).
pub async fn run<F: Fixture, R: Future<Output = ()>>(engine: Engine, test: impl FnOnce(F) -> R) {
    test(F::on(TestDb::new(engine).await).await).await;
}

/// Declares each of the named functions, `async fn(impl Fixture)`, as two tests: `NAME::on_sqlite` and
/// `NAME::on_postgres`.
///
/// ```
/// use bailiwick_testkit::{TestDb, on_both_engines};
///
/// on_both_engines! {
///     an_empty_database_has_a_url
/// }
///
/// async fn an_empty_database_has_a_url(database: TestDb) {
///     assert!(database.url().starts_with(&database.engine().to_string()));
/// }
/// ```
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident $(,)?)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                $crate::run($crate::Engine::Sqlite, super::$name).await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                $crate::run($crate::Engine::Postgres, super::$name).await;
            }
        }
    )*};
}

#[cfg(test)]
mod tests {
    use super::*;

    on_both_engines! {
        a_database_is_on_the_engine_that_the_test_names
    }

    async fn a_database_is_on_the_engine_that_the_test_names(database: TestDb) {
        assert!(database.url().starts_with(&database.engine().to_string()));
        let sqlite = database.engine() == Engine::Sqlite;
        assert_eq!(database.file().is_some(), sqlite);
        assert_eq!(database.on_server().is_none(), sqlite);
    }
}
