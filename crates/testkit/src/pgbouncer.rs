//! A throw-away PgBouncer.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, ensure};

use crate::{
    TestDatabase,
    owner::Owner,
    port::free_port,
    supervisor::{Script, Supervisor},
};

/// Ready means that it listens: its log says so.
const SCRIPT: Script = Script {
    start: r#": >"$dir/log"; PATH="$PATH:/usr/sbin" pgbouncer "$dir/pgbouncer.ini" </dev/null >/dev/null 2>&1 & pid=$!
      n=0; until grep -q 'process up' "$dir/log" || [ $n -ge 300 ]; do sleep 0.1; n=$((n + 1)); done
      grep -q 'process up' "$dir/log" && kill -0 "$pid""#,
    stop: r#"kill -INT "$pid" && { wait "$pid"; pid=; true; }"#,
    kill: r#"{ [ -z "$pid" ] || { kill -KILL "$pid"; wait "$pid"; pid=; }; true; }"#,
    pause: r#"kill -STOP "$pid""#,
    resume: r#"kill -CONT "$pid""#,
};

/// A PgBouncer in transaction mode in front of one database, with very few connections to it: what a
/// transaction leaves in its session, another one finds.
#[derive(Debug, Clone)]
pub struct PgBouncer {
    port: u16,
    database: String,
    _supervisor: Arc<Supervisor>,
}

impl PgBouncer {
    /// Starts one that keeps `connections` connections to the database, all as the role that owns it.
    ///
    /// # Errors
    /// PgBouncer is missing or does not come up.
    pub async fn start(database: &TestDatabase, connections: u32) -> anyhow::Result<Self> {
        let (name, server) = (database.name().to_owned(), database.server().port());
        tokio::task::spawn_blocking(move || Self::new(name, server, connections)).await?
    }
    fn new(database: String, server: u16, connections: u32) -> anyhow::Result<Self> {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            let mut folders = std::env::split_paths(&path);
            folders.any(|folder| folder.join("pgbouncer").is_file())
        });
        ensure!(
            found || Path::new("/usr/sbin/pgbouncer").is_file(),
            "`pgbouncer` is not installed: run scripts/install-servers.sh"
        );
        let owner = Owner::unless_root("postgres").context("PgBouncer refuses to run as root")?;
        let supervisor = Supervisor::new("pgbouncer", owner, &SCRIPT)?;
        let port = free_port()?;
        let dir = supervisor.dir().display();
        let settings = format!(
            "[databases]\n\
             {database} = host=127.0.0.1 port={server} dbname={database} user={database}\n\
             [pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 500\n\
             logfile = {dir}/log\n"
        );
        fs::write(supervisor.dir().join("pgbouncer.ini"), settings)?;
        supervisor.say("start")?;
        Ok(Self {
            port,
            database,
            _supervisor: Arc::new(supervisor),
        })
    }
    /// The URL of the database through it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://{0}@127.0.0.1:{1}/{0}", self.database, self.port)
    }
}
