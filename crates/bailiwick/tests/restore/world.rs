//! A suite whose three databases are saved and restored one by one: SQLite files of one process, or a
//! PostgreSQL database of each of three.

use std::{path::PathBuf, process::Output};

use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_sql::{Db, DbConfig, execute};
use bailiwick_testkit::{Dump, RestoreMode};
use bailiwick_types::{Service, SystemClock};
use serde_json::Value as Json;

use super::{
    on,
    support::{Embedded, PASSWORD, Trio, operator, text},
};

/// Where services stand in a [`Trio`].
const SERVICES: [Service; 3] = [Service::Identity, Service::Tenancy, Service::Authorization];

/// A database as it was at some moment.
pub(crate) enum Saved {
    Files(PathBuf),
    Dump(Dump),
}

pub(crate) enum World {
    Files(Embedded),
    Servers(Trio),
}

fn place(service: Service) -> usize {
    SERVICES.iter().position(|of| *of == service).unwrap()
}

impl World {
    pub(crate) async fn files() -> Self {
        Self::Files(Embedded::start().await)
    }
    pub(crate) async fn servers() -> Self {
        Self::Servers(Trio::start(None).await)
    }
    fn endpoints(&self) -> Endpoints {
        match self {
            Self::Files(suite) => Endpoints::one(format!("http://127.0.0.1:{}", suite.port)),
            Self::Servers(trio) => trio.endpoints(),
        }
    }
    /// A client that knows nothing of before.
    pub(crate) fn operator(&self) -> Client {
        let client = Client::lazy(&self.endpoints()).unwrap();
        client.with_credentials(operator())
    }
    /// A client of a user in an account.
    pub(crate) fn user(&self, email: &str, account: &str) -> Client {
        let credentials = Credentials::password(email, PASSWORD.to_owned().into(), Some(account.to_owned()));
        Client::lazy(&self.endpoints())
            .unwrap()
            .with_credentials(credentials)
    }
    pub(crate) fn stop(&mut self) {
        match self {
            Self::Files(suite) => suite.kill(),
            Self::Servers(trio) => (0..SERVICES.len()).for_each(|at| trio.kill(at)),
        }
    }
    pub(crate) async fn go_on(&mut self) {
        match self {
            Self::Files(suite) => suite.launch().await,
            Self::Servers(trio) => {
                (0..SERVICES.len()).for_each(|at| trio.launch(at));
                for at in 0..SERVICES.len() {
                    trio.ready(at).await;
                }
            }
        }
    }
    /// Saves a database; everything was delivered that the services had to tell each other.
    pub(crate) async fn save(&mut self, service: Service, name: &str) -> Saved {
        let (code, report) = self.reconcile(&["--wait", "20s"]);
        assert_eq!(code, Some(0), "running services agree: {report}");
        self.stop();
        let saved = match self {
            Self::Files(suite) => {
                let to = suite.directory.path().join(name);
                std::fs::create_dir(&to).unwrap();
                for file in files(&suite.data(), service) {
                    std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
                }
                Saved::Files(to)
            }
            Self::Servers(trio) => Saved::Dump(trio.database(place(service)).dump().await.unwrap()),
        };
        self.go_on().await;
        saved
    }
    /// Puts a database back while nothing runs. Nobody is told of it.
    pub(crate) async fn restore(&self, service: Service, saved: &Saved) {
        match (self, saved) {
            (Self::Files(suite), Saved::Files(from)) => {
                for file in files(&suite.data(), service) {
                    std::fs::remove_file(file).unwrap();
                }
                for file in files(from, service) {
                    std::fs::copy(&file, suite.data().join(file.file_name().unwrap())).unwrap();
                }
            }
            (Self::Servers(trio), Saved::Dump(dump)) => {
                let database = trio.database(place(service));
                database.restore(dump, RestoreMode::Clean).await.unwrap();
            }
            _ => panic!("saved elsewhere"),
        }
    }
    /// Runs `bailiwick reconcile`; returns its exit code and its report.
    pub(crate) fn reconcile(&self, more: &[&str]) -> (Option<i32>, Json) {
        let done = self.run(&[&["reconcile", "-o", "json"], more].concat());
        let report = serde_json::from_slice(&done.stdout);
        (done.status.code(), report.unwrap_or_else(|_| text(&done).into()))
    }
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        match self {
            Self::Files(suite) => on(&suite.data(), arguments),
            Self::Servers(trio) => trio.more(arguments).output().unwrap(),
        }
    }
    /// Runs a statement; `{NAME}` is the UUID of that name as the engine writes it.
    pub(crate) async fn sql(&self, service: Service, statement: &str, ids: &[(&str, uuid::Uuid)]) {
        let (config, sqlite) = match self {
            Self::Files(suite) => {
                let file = suite.data().join(format!("{service}.db"));
                (DbConfig::new(format!("sqlite://{}", file.display())), true)
            }
            Self::Servers(trio) => (DbConfig::new(trio.database(place(service)).url()), false),
        };
        let mut statement = statement.to_owned();
        for (name, id) in ids {
            let literal = if sqlite {
                format!("x'{}'", id.simple())
            } else {
                format!("'{id}'")
            };
            statement = statement.replace(&format!("{{{name}}}"), &literal);
        }
        let db = Db::connect(config, service, std::sync::Arc::new(SystemClock))
            .await
            .unwrap();
        let tx = db.begin_write_across(&[]).await.unwrap();
        execute(tx.conn(), statement, vec![]).await.unwrap();
        tx.commit().await.unwrap();
        db.close().await;
    }
}

/// A database with what lies beside it.
fn files(directory: &std::path::Path, service: Service) -> Vec<PathBuf> {
    let name = format!("{service}.db");
    let all = std::fs::read_dir(directory).unwrap();
    all.map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&name))
        .collect()
}
