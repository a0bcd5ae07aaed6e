//! The real binary, in three processes on PostgreSQL and Redis or in one on embedded defaults.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "every test binary uses a part of it"
)]

pub mod setup;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_testkit::{PgBouncer, Postgres, Process, TestDatabase, free_port};

pub const OPERATOR: &str = "operator@example.com";
pub const PASSWORD: &str = "a password for the operator";
const SERVICES: [&str; 3] = ["identity", "tenancy", "authorization"];
/// Debug builds of three processes on two cores take their time.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// The binary under test.
pub fn bailiwick() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bailiwick"));
    let ours = |name: &std::ffi::OsString| name.as_encoded_bytes().starts_with(b"BAILIWICK");
    for (name, _) in std::env::vars_os().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    // Nothing is kept there, and nothing of whoever runs the tests is read.
    command.env("BAILIWICK_CONFIG_DIR", "/dev/null/bailiwick");
    command
}

/// Runs it to its end.
pub fn run(arguments: &[&str]) -> Output {
    bailiwick().args(arguments).output().unwrap()
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The scenario files beside the four products' own.
pub fn more_scenarios() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("tests/scenarios/more")).unwrap();
    let mut files: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Makes keys for the three services in a folder; the variables that name them. A process reads the private
/// ones of its own services alone.
pub fn keys(folder: &Path) -> Vec<(String, String)> {
    let made = run(&["keys", "generate", "--to", folder.to_str().unwrap()]);
    assert!(made.status.success(), "keys generate: {}", text(&made));
    let of = |service: &str| {
        let variable = |key: &str| format!("BAILIWICK__INTERNAL__{}__{key}", service.to_uppercase());
        let file = |kind: &str| folder.join(format!("{service}.{kind}")).display().to_string();
        [
            (variable("KEY_FILE"), file("key")),
            (variable("PUBLIC_KEYS_FILE"), file("pub")),
        ]
    };
    SERVICES.into_iter().flat_map(of).collect()
}

/// Three processes, a database each.
pub struct Trio {
    databases: Vec<TestDatabase>,
    ports: Vec<u16>,
    internal_ports: Vec<u16>,
    processes: Vec<Option<Process>>,
    environment: Vec<(String, String)>,
    poolers: Vec<PgBouncer>,
    /// Where the clocks of test builds start.
    clock: Option<&'static str>,
    pub directory: tempfile::TempDir,
}

impl Trio {
    /// Makes databases, migrates them, makes the operator and starts all three.
    pub async fn start(redis: Option<String>) -> Self {
        Self::start_at(redis, None).await
    }
    /// The same, of test builds whose clocks start at an instant.
    pub async fn start_at(redis: Option<String>, clock: Option<&'static str>) -> Self {
        Self::start_through(redis, clock, None).await
    }
    /// The same through a PgBouncer in transaction mode for each, with so many connections.
    pub async fn start_pooled(connections: u32) -> Self {
        Self::start_through(None, None, Some(connections)).await
    }
    async fn start_through(redis: Option<String>, clock: Option<&'static str>, pooled: Option<u32>) -> Self {
        let mut poolers = Vec::new();
        let directory = tempfile::tempdir().unwrap();
        let mut databases = Vec::new();
        let mut ports = Vec::new();
        let mut environment: Vec<(String, String)> = vec![
            ("BAILIWICK__INTEGRITY__SECRET".into(), "i".repeat(64)),
            // Of processes beside the three; nobody calls them there.
            ("BAILIWICK__SERVER__INTERNAL_LISTEN".into(), "127.0.0.1:0".into()),
            (
                "BAILIWICK__IDENTITY__KEY_ENCRYPTION_SECRET".into(),
                "e".repeat(64),
            ),
            ("BAILIWICK__TELEMETRY__LOG_FILTER".into(), "warn".into()),
            ("BAILIWICK__SERVER__DRAIN_WAIT".into(), "0s".into()),
        ];
        environment.extend(keys(&directory.path().join("keys")));
        environment.push((
            "BAILIWICK__IDENTITY__MAIL__DIRECTORY".into(),
            directory.path().join("mail").display().to_string(),
        ));
        let mut internal_ports = Vec::new();
        for service in SERVICES {
            let database = Postgres::database().await;
            let (port, internal) = (free_port().unwrap(), free_port().unwrap());
            let upper = service.to_uppercase();
            let mut set = |key: &str, value: String| {
                environment.push((format!("BAILIWICK__DATABASE__{upper}__{key}"), value));
            };
            if let Some(connections) = pooled {
                let pooler = PgBouncer::start(&database, connections).await.unwrap();
                set("URL", pooler.url());
                set("POOLER", "true".to_owned());
                set("DIRECT_URL", database.url());
                poolers.push(pooler);
            } else {
                set("URL", database.url());
            }
            environment.push((
                format!("BAILIWICK__PEERS__{upper}"),
                format!("http://127.0.0.1:{internal}"),
            ));
            internal_ports.push(internal);
            databases.push(database);
            ports.push(port);
        }
        environment.extend(redis.map(|url| ("BAILIWICK__AUTHORIZATION__REDIS__URL".into(), url)));
        let mut trio = Self {
            databases,
            ports,
            internal_ports,
            processes: vec![None, None, None],
            environment,
            poolers,
            clock,
            directory,
        };
        let migrated = trio.command(&["migrate"]).output().unwrap();
        assert!(migrated.status.success(), "migrate: {}", text(&migrated));
        let secret = trio.password_file();
        let made = trio
            .command(&[
                "operator",
                "create",
                "--email",
                OPERATOR,
                "--password-file",
                secret.to_str().unwrap(),
            ])
            .output()
            .unwrap();
        assert!(made.status.success(), "operator create: {}", text(&made));
        for at in 0..SERVICES.len() {
            trio.launch(at);
        }
        for at in 0..SERVICES.len() {
            trio.ready(at).await;
        }
        trio
    }
    /// A further process of the same deployment.
    pub fn more(&self, arguments: &[&str]) -> Command {
        self.command(arguments)
    }
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bailiwick();
        command
            .args(arguments)
            .args(["--data-dir", self.directory.path().to_str().unwrap()]);
        command.envs(self.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())));
        command
    }
    /// The database of one of the three.
    pub fn database(&self, at: usize) -> &TestDatabase {
        &self.databases[at]
    }
    /// The file with the operator's password.
    pub fn password_file(&self) -> PathBuf {
        let path = self.directory.path().join("operator-password");
        std::fs::write(&path, format!("{PASSWORD}\n")).unwrap();
        path
    }
    /// Starts one of the three.
    pub fn launch(&mut self, at: usize) {
        let listen = format!("127.0.0.1:{}", self.ports[at]);
        let internal = format!("127.0.0.1:{}", self.internal_ports[at]);
        let arguments = [
            "serve",
            SERVICES[at],
            "--listen",
            &listen,
            "--internal-listen",
            &internal,
        ];
        let mut command = self.command(&arguments);
        command.args(self.clock.iter().flat_map(|clock| ["--clock", *clock]));
        self.processes[at] = Some(Process::start(command).unwrap());
    }
    /// Waits until one of the three listens.
    pub async fn ready(&self, at: usize) {
        self.processes[at]
            .as_ref()
            .unwrap()
            .line("grpc://", PATIENCE)
            .await;
    }
    /// `kill -9`.
    pub fn kill(&mut self, at: usize) {
        self.processes[at].take().unwrap().kill().unwrap();
    }
    /// What one of the three wrote.
    pub fn logs(&self, at: usize) -> String {
        self.processes[at]
            .as_ref()
            .map(|p| p.logs().text())
            .unwrap_or_default()
    }
    pub fn process(&mut self, at: usize) -> &mut Process {
        self.processes[at].as_mut().unwrap()
    }
    /// The address at which the others call one of the three.
    pub fn internal(&self, at: usize) -> String {
        format!("http://127.0.0.1:{}", self.internal_ports[at])
    }
    /// As `--against` takes them.
    pub fn against(&self) -> String {
        let each = SERVICES
            .iter()
            .zip(&self.ports)
            .map(|(s, port)| format!("{s}=http://127.0.0.1:{port}"));
        each.collect::<Vec<_>>().join(",")
    }
    pub fn endpoints(&self) -> Endpoints {
        let of = |at: usize| format!("http://127.0.0.1:{}", self.ports[at]);
        Endpoints::each(of(0), of(1), of(2))
    }
    /// The ports of identity, tenancy and authorization.
    pub fn ports(&self) -> [u16; 3] {
        [0, 1, 2].map(|at| self.ports[at])
    }
    /// A client of the operator.
    pub fn operator(&self) -> Client {
        Client::lazy(&self.endpoints())
            .unwrap()
            .with_credentials(operator())
    }
    /// Runs a scenario on it.
    pub fn test(&self, file: &Path, more: &[&str]) -> Output {
        let secret = self.password_file();
        bailiwick()
            .args([
                "test",
                "--against",
                &self.against(),
                "--email",
                OPERATOR,
                "--password-file",
            ])
            .arg(secret)
            .args(more)
            .arg(file)
            .output()
            .unwrap()
    }
}

pub fn operator() -> Credentials {
    Credentials::password(OPERATOR, PASSWORD.to_owned().into(), None)
}

/// One process on embedded defaults.
pub struct Embedded {
    pub process: Option<Process>,
    pub port: u16,
    pub directory: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

impl Embedded {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }
    /// Starts it with more of the environment.
    pub async fn start_with(environment: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let secret = directory.path().join("operator-password");
        std::fs::write(&secret, format!("{PASSWORD}\n")).unwrap();
        let mut suite = Self {
            process: None,
            port: free_port().unwrap(),
            directory,
            environment: environment
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        };
        let made = bailiwick()
            .args(["operator", "create", "--email", OPERATOR, "--password-file"])
            .arg(&secret)
            .arg("--data-dir")
            .arg(suite.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "operator create: {}", text(&made));
        suite.launch().await;
        suite
    }
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }
    pub async fn launch(&mut self) {
        let mut command = bailiwick();
        command
            .args([
                "serve",
                "--listen",
                &format!("127.0.0.1:{}", self.port),
                "--data-dir",
            ])
            .arg(self.data())
            .env("BAILIWICK__TELEMETRY__LOG_FILTER", "warn")
            .env("BAILIWICK__SERVER__DRAIN_WAIT", "0s")
            .envs(self.environment.iter().map(|(k, v)| (k, v)));
        let process = Process::start(command).unwrap();
        process.line("grpc://", PATIENCE).await;
        self.process = Some(process);
    }
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill().unwrap();
    }
    pub fn client(&self) -> Client {
        Client::lazy(&Endpoints::one(format!("http://127.0.0.1:{}", self.port)))
            .unwrap()
            .with_credentials(operator())
    }
}
