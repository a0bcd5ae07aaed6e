//! The suite that is measured, in its own process.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// E-mail address of the operator.
pub(crate) const OPERATOR: &str = "operator@example.com";

/// A running suite, which is killed when this value is dropped.
pub(crate) struct Suite {
    child: Child,
    /// Its URL.
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
        let data = data.to_string_lossy();
        let listen = ["--listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0"];
        let arguments = [&["serve", "--data-dir", &data][..], &listen].concat();
        let (child, mut lines) = spawn(&binary, &arguments, pin)?;
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("grpc://") {
                let address = rest.split_whitespace().next().unwrap_or_default();
                let endpoint = format!("http://{address}");
                // Keeps reading, so that the suite never blocks on its output.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self {
                    child,
                    endpoint,
                    password,
                    _directory: directory,
                });
            }
        }
        anyhow::bail!("the suite ended before it printed its address")
    }
    /// The process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the suite has ended")
    }
}

/// Starts a program, on core 0 alone if pinned, and gives its process and the lines of its standard output.
pub(crate) fn spawn(
    program: &Path,
    arguments: &[&str],
    pin: bool,
) -> Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut command = if pin {
        let mut taskset = Command::new("taskset");
        taskset.args(["-c", "0"]).arg(program);
        taskset
    } else {
        Command::new(program)
    };
    let mut child = command
        .args(arguments)
        .env("BAILIWICK__TELEMETRY__LOG_FILTER", "warn")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run `{}`", program.display()))?;
    let output = child
        .stdout
        .take()
        .context("the process has no standard output")?;
    Ok((child, BufReader::new(output).lines()))
}

fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let path = own.with_file_name("bailiwick");
    ensure!(
        path.is_file(),
        "`{}` does not exist: build it with `cargo build --profile dist --package bailiwick --features testing`, or use `--server FILE`",
        path.display()
    );
    Ok(path)
}
