//! A suite of its own, in a process of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// The address of the operator that setups act as.
pub(crate) const OPERATOR: &str = "operator@example.com";

/// A running suite; it ends with this value.
pub(crate) struct Suite {
    /// The process.
    child: Child,
    /// Where it answers.
    pub(crate) endpoint: String,
    /// The operator's password.
    pub(crate) password: String,
    _directory: tempfile::TempDir,
}

impl Suite {
    /// Starts `bailiwick serve` on a free port of loopback.
    pub(crate) async fn start(server: Option<&Path>, pin: bool) -> Result<Self> {
        let binary = match server {
            Some(path) => path.to_owned(),
            None => beside()?,
        };
        let directory = tempfile::tempdir()?;
        let data = directory.path().join("data");
        let secret = directory.path().join("password");
        let made = Command::new(&binary)
            .args(["operator", "create", "--email", OPERATOR, "--password-out"])
            .arg(&secret)
            .arg("--data-dir")
            .arg(&data)
            .output()
            .await
            .with_context(|| format!("cannot run `{}`", binary.display()))?;
        ensure!(
            made.status.success(),
            "operator create: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let password = std::fs::read_to_string(&secret)?.trim().to_owned();
        let mut command = if pin {
            let mut taskset = Command::new("taskset");
            taskset.args(["-c", "0"]).arg(&binary);
            taskset
        } else {
            Command::new(&binary)
        };
        let mut child = command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--http-listen",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(&data)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .env("BAILIWICK__TELEMETRY__LOG_FILTER", "warn")
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("the suite has no standard output")?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("grpc://") {
                let address = rest.split_whitespace().next().unwrap_or_default();
                // Goes on reading, so that the suite never waits for its output to be taken.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self {
                    child,
                    endpoint: format!("http://{address}"),
                    password,
                    _directory: directory,
                });
            }
        }
        anyhow::bail!("the suite ended before it said where it listens")
    }
    /// The process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the suite has ended")
    }
}

fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("bailiwick");
    ensure!(
        path.is_file(),
        "there is no `{}`: build it with `cargo build --profile dist --package bailiwick --features testing`, or name it by `--server`",
        path.display()
    );
    Ok(path)
}
