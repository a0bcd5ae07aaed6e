//! A throw-away PostgreSQL.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, bail, ensure};

use crate::{
    owner::Owner,
    port::free_port,
    supervisor::{Script, Supervisor},
};

const SCRIPT: Script = Script {
    start: r#""$dir/pg_ctl" -D "$dir/data" -w -t 60 -l "$dir/log" start </dev/null >/dev/null 2>&1"#,
    stop: r#""$dir/pg_ctl" -D "$dir/data" -w -m fast stop </dev/null >/dev/null 2>&1"#,
    kill: r#"{ "$dir/pg_ctl" -D "$dir/data" -w -m immediate stop </dev/null >/dev/null 2>&1; true; }"#,
    pause: r#"kill -STOP "$(head -n 1 "$dir/data/postmaster.pid")""#,
    resume: r#"kill -CONT "$(head -n 1 "$dir/data/postmaster.pid")""#,
};

/// A PostgreSQL server on a port of its own. Most tests share one a process ([`Postgres::database`]); those
/// that stop, restore or promote it start their own ([`Postgres::start`]).
#[derive(Debug, Clone)]
pub struct Postgres {
    port: u16,
    tools: Arc<Tools>,
    supervisor: Arc<Supervisor>,
}

/// A fresh database, owned by a role of its own that is no superuser (so that row-level security
/// holds for it).
#[derive(Debug, Clone)]
pub struct TestDatabase {
    server: Postgres,
    name: String,
}

/// A dump of a database, in the format of `pg_dump -Fc`.
#[derive(Debug, Clone)]
pub struct Dump(String);

/// The ways to load a dump over the database that it was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreMode {
    /// `--clean`: tables are dropped and made anew.
    Clean,
    /// `--clean --create`: the database is dropped and made anew; connections to it are ended.
    Create,
    /// `--data-only`, after all tables were emptied.
    DataOnly,
}

impl RestoreMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Clean, Self::Create, Self::DataOnly];
}

#[derive(Debug)]
struct Tools {
    bin: PathBuf,
    owner: Owner,
}

static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl Postgres {
    /// A fresh database on the server that the tests of this process share.
    ///
    /// # Panics
    /// PostgreSQL is missing or does not come up; the message says what to do.
    #[expect(clippy::panic, reason = "without a database there is no test")]
    pub async fn database() -> TestDatabase {
        let made = tokio::task::spawn_blocking(|| {
            let shared = SHARED.get_or_init(|| Self::new().map_err(|error| format!("{error:#}")));
            shared
                .clone()
                .map_err(anyhow::Error::msg)
                .and_then(|server| server.create())
        });
        match made.await {
            Ok(Ok(database)) => database,
            Ok(Err(error)) => panic!("no throw-away PostgreSQL: {error:#}"),
            Err(error) => panic!("no throw-away PostgreSQL: {error}"),
        }
    }
    /// Starts a server of one's own.
    ///
    /// # Errors
    /// PostgreSQL is missing or does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        tokio::task::spawn_blocking(Self::new).await?
    }
    /// A fresh database on this server.
    ///
    /// # Errors
    /// The server does not run.
    pub async fn new_database(&self) -> anyhow::Result<TestDatabase> {
        let server = self.clone();
        tokio::task::spawn_blocking(move || server.create()).await?
    }
    /// Stops it in order.
    ///
    /// # Errors
    /// It does not run.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.say("stop").await
    }
    /// Stops it without a checkpoint, as a crash does.
    ///
    /// # Errors
    /// The supervisor is gone.
    pub async fn crash(&self) -> anyhow::Result<()> {
        self.say("kill").await
    }
    /// Starts it again after [`Self::stop`] or [`Self::crash`], on the same port.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.say("start").await
    }
    /// Copies the running server with `pg_basebackup` and starts the copy as a hot standby.
    ///
    /// # Errors
    /// The copy fails or does not come up.
    pub async fn standby(&self) -> anyhow::Result<Self> {
        let source = self.clone();
        tokio::task::spawn_blocking(move || source.copy()).await?
    }
    /// Makes a standby a primary, on a timeline of its own.
    ///
    /// # Errors
    /// It is none.
    pub async fn promote(&self) -> anyhow::Result<()> {
        let server = self.clone();
        tokio::task::spawn_blocking(move || {
            let data = server.supervisor.dir().join("data");
            server.tools.run("pg_ctl", &["-D", &text(&data), "-w", "promote"])
        })
        .await?
        .map(drop)
    }
    /// Runs a statement as superuser in the named database and returns what `psql`
    /// prints, without decoration.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn psql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let (server, database, sql) = (self.clone(), database.to_owned(), sql.to_owned());
        tokio::task::spawn_blocking(move || server.query(&database, &[&sql])).await?
    }
    /// The URL of a database of it by name, for the role of that name.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://{database}@127.0.0.1:{}/{database}", self.port)
    }

    /// Its port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
    async fn say(&self, word: &'static str) -> anyhow::Result<()> {
        let supervisor = Arc::clone(&self.supervisor);
        tokio::task::spawn_blocking(move || supervisor.say(word)).await?
    }
    fn new() -> anyhow::Result<Self> {
        let tools = Arc::new(Tools::find()?);
        let supervisor = tools.supervisor()?;
        let data = text(&supervisor.dir().join("data"));
        tools.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ],
        )?;
        Self::up(tools, supervisor, "")
    }
    fn copy(&self) -> anyhow::Result<Self> {
        let supervisor = self.tools.supervisor()?;
        let data = text(&supervisor.dir().join("data"));
        let port = self.port.to_string();
        self.tools.run(
            "pg_basebackup",
            &[
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-U",
                "postgres",
                "-D",
                &data,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
            ],
        )?;
        Self::up(Arc::clone(&self.tools), supervisor, "hot_standby = on\n")
    }
    fn up(tools: Arc<Tools>, supervisor: Supervisor, more: &str) -> anyhow::Result<Self> {
        let settings = supervisor.dir().join("data/postgresql.conf");
        let kept = fs::read_to_string(&settings)?;
        let socket = text(supervisor.dir());
        // Another process may take the port between our look and the start.
        for attempt in 0.. {
            let port = free_port()?;
            fs::write(
                &settings,
                format!(
                    "{kept}\nlisten_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{socket}'\n\
                     max_connections = 300\nshared_buffers = 32MB\nmax_wal_size = 256MB\nautovacuum_naptime = 10\n\
                     max_wal_senders = 4\nlog_min_messages = warning\nlc_messages = 'C'\n{more}"
                ),
            )?;
            match supervisor.say("start") {
                Ok(()) => {
                    return Ok(Self {
                        port,
                        tools,
                        supervisor: Arc::new(supervisor),
                    });
                }
                Err(error) if attempt == 4 => return Err(error.context("PostgreSQL does not start")),
                Err(_) => {}
            }
        }
        bail!("PostgreSQL does not start")
    }
    fn create(&self) -> anyhow::Result<TestDatabase> {
        let name = format!("t{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.query(
            "postgres",
            &[
                &format!("CREATE ROLE {name} LOGIN NOSUPERUSER"),
                &format!("CREATE DATABASE {name} OWNER {name}"),
            ],
        )?;
        Ok(TestDatabase {
            server: self.clone(),
            name,
        })
    }
    fn query(&self, database: &str, statements: &[&str]) -> anyhow::Result<String> {
        let port = self.port.to_string();
        let mut args = vec![
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            "-d",
            database,
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
        ];
        for statement in statements {
            args.extend(["-c", statement]);
        }
        self.tools.run("psql", &args)
    }
}

impl TestDatabase {
    /// Its URL, for the role that owns it.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url_of(&self.name)
    }
    /// The URL of a new role on its server that owns nothing in it, for a server that another role migrates
    /// for.
    ///
    /// # Errors
    /// The server does not run.
    pub async fn another_role(&self) -> anyhow::Result<String> {
        let role = format!("{}_serves", self.name);
        self.psql(&format!("CREATE ROLE {role} LOGIN NOSUPERUSER"))
            .await?;
        Ok(format!(
            "postgres://{role}@127.0.0.1:{}/{}",
            self.server.port, self.name
        ))
    }
    /// The URL of its superuser.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.server.port, self.name)
    }
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
    /// The server that it is on.
    #[must_use]
    pub fn server(&self) -> &Postgres {
        &self.server
    }
    /// Runs a statement in it as superuser and returns what `psql` prints, without decoration.
    ///
    /// # Errors
    /// The statement fails.
    pub async fn psql(&self, sql: &str) -> anyhow::Result<String> {
        self.server.psql(&self.name, sql).await
    }
    /// Dumps it with `pg_dump`. The dump lives as long as the server.
    ///
    /// # Errors
    /// The server does not run.
    pub async fn dump(&self) -> anyhow::Result<Dump> {
        let database = self.clone();
        tokio::task::spawn_blocking(move || {
            let n = NUMBER.fetch_add(1, Ordering::Relaxed);
            let file = text(&database.server.supervisor.dir().join(format!("{n}.dump")));
            database.tool("pg_dump", &["-Fc", "-f", &file, &database.name])?;
            Ok(Dump(file))
        })
        .await?
    }
    /// All that is in it, as `pg_dump` writes it.
    ///
    /// # Errors
    /// The server does not run.
    pub async fn content(&self) -> anyhow::Result<Vec<u8>> {
        let database = self.clone();
        tokio::task::spawn_blocking(move || {
            let n = NUMBER.fetch_add(1, Ordering::Relaxed);
            let file = database.server.supervisor.dir().join(format!("{n}.sql"));
            database.tool("pg_dump", &["-Fp", "-f", &text(&file), &database.name])?;
            Ok(std::fs::read(file)?)
        })
        .await?
    }
    /// Loads a dump of it with `pg_restore`.
    ///
    /// # Errors
    /// The server does not run, or the dump does not fit.
    pub async fn restore(&self, dump: &Dump, mode: RestoreMode) -> anyhow::Result<()> {
        const EMPTY: &str = "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables \
                             WHERE schemaname = 'public' LOOP EXECUTE format('TRUNCATE public.%I CASCADE', t); \
                             END LOOP; END $$";
        let (database, file) = (self.clone(), dump.0.clone());
        tokio::task::spawn_blocking(move || {
            let name = &*database.name;
            let restore = |into, more: &[&str]| {
                let all = [&["-d", into, "--exit-on-error"], more, &[&*file]].concat();
                database.tool("pg_restore", &all)
            };
            match mode {
                RestoreMode::Clean => restore(name, &["--clean", "--if-exists"]),
                RestoreMode::Create => {
                    let end = format!(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
                    );
                    database.server.query("postgres", &[&end])?;
                    restore("postgres", &["--clean", "--if-exists", "--create"])
                }
                RestoreMode::DataOnly => {
                    database.server.query(name, &[EMPTY])?;
                    restore(name, &["--data-only", "--disable-triggers"])
                }
            }
        })
        .await?
        .map(drop)
    }
    /// Runs a tool as superuser of the server.
    fn tool(&self, tool: &str, more: &[&str]) -> anyhow::Result<String> {
        let port = self.server.port.to_string();
        let args = [&["-h", "127.0.0.1", "-p", &*port, "-U", "postgres"], more].concat();
        self.server.tools.run(tool, &args)
    }
}

impl Tools {
    /// The newest PostgreSQL of the machine, in the folder where Debian puts it or on the path.
    fn find() -> anyhow::Result<Self> {
        let mut bins: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        bins.sort();
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let bin = bins
            .into_iter()
            .rev()
            .map(|(_, bin)| bin)
            .chain(std::env::split_paths(&paths))
            .find(|bin| {
                ["initdb", "pg_ctl", "postgres"]
                    .iter()
                    .all(|tool| bin.join(tool).is_file())
            })
            .context("PostgreSQL is not installed: run scripts/install-servers.sh")?;
        let owner = Owner::unless_root("postgres").context("PostgreSQL refuses to run as root")?;
        Ok(Self { bin, owner })
    }
    fn supervisor(&self) -> anyhow::Result<Supervisor> {
        let supervisor = Supervisor::new("postgres", self.owner, &SCRIPT)?;
        std::os::unix::fs::symlink(self.bin.join("pg_ctl"), supervisor.dir().join("pg_ctl"))?;
        Ok(supervisor)
    }
    fn run(&self, tool: &str, args: &[&str]) -> anyhow::Result<String> {
        let in_bin = self.bin.join(tool);
        let mut command = Command::new(if in_bin.is_file() { in_bin } else { tool.into() });
        command.args(args).current_dir("/").stdin(Stdio::null());
        self.owner.applies(&mut command);
        let output = command
            .output()
            .with_context(|| format!("`{tool}` cannot be started: run scripts/install-servers.sh"))?;
        ensure!(
            output.status.success(),
            "`{tool}` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_test_has_a_database_of_its_own_and_is_no_superuser_there() {
        let (a, b) = (Postgres::database().await, Postgres::database().await);
        assert_ne!(a.url(), b.url());
        a.psql("CREATE TABLE t (x int)").await.unwrap();
        assert_eq!(
            b.psql("SELECT count(*) FROM pg_tables WHERE tablename = 't'")
                .await
                .unwrap(),
            "0"
        );
        let superuser = format!("SELECT rolsuper FROM pg_roles WHERE rolname = '{}'", a.name());
        assert_eq!(a.psql(&superuser).await.unwrap(), "f");
    }

    #[tokio::test]
    async fn a_promoted_standby_has_the_data_and_a_timeline_of_its_own() {
        let primary = Postgres::start().await.unwrap();
        let database = primary.new_database().await.unwrap();
        database.psql("CREATE TABLE t AS SELECT 7 AS x").await.unwrap();
        let standby = primary.standby().await.unwrap();
        standby.promote().await.unwrap();
        assert_eq!(
            standby.psql(database.name(), "SELECT x FROM t").await.unwrap(),
            "7"
        );
        let timeline = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)";
        assert_ne!(
            primary.psql("postgres", timeline).await.unwrap(),
            standby.psql("postgres", timeline).await.unwrap()
        );
    }

    #[tokio::test]
    async fn a_crashed_server_comes_back_with_what_was_committed() {
        let server = Postgres::start().await.unwrap();
        let database = server.new_database().await.unwrap();
        database.psql("CREATE TABLE t AS SELECT 7 AS x").await.unwrap();
        server.crash().await.unwrap();
        assert!(database.psql("SELECT 1").await.is_err());
        server.resume().await.unwrap();
        assert_eq!(database.psql("SELECT x FROM t").await.unwrap(), "7");
    }
}
