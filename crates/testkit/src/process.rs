//! Child processes: the real binaries under test.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};

use crate::eventually_some;

/// How often the lines are looked at.
const STEP: Duration = Duration::from_millis(5);

/// What a process has written to its standard output and error so far, line by line.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    lines: Vec<String>,
    /// How many of its outputs are open.
    open: usize,
}

impl Logs {
    /// All lines.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.written().lines.clone()
    }
    /// All lines as one text.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }
    /// Whether both outputs are closed, as they are when it has ended.
    fn ended(&self) -> bool {
        self.written().open == 0
    }
    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn collect(&self, from: impl Read + Send + 'static) {
        let logs = self.clone();
        logs.written().open += 1;
        thread::spawn(move || {
            for line in BufReader::new(from).lines().map_while(Result::ok) {
                logs.written().lines.push(line);
            }
            logs.written().open -= 1;
        });
    }
}

/// A running child process; dropping kills it, and so does the death of the test process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watchdog: Child,
    logs: Logs,
}

impl Process {
    /// Starts a command and collects what it writes.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command) -> anyhow::Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("`{program}` cannot be started"))?;
        // Reads until our end of the pipe is closed, that is until we are gone.
        let watchdog = Command::new("sh")
            .args([
                "-c",
                r#"cat >/dev/null; kill -9 "$1""#,
                "watchdog",
                &child.id().to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("`sh` cannot be started")?;
        let logs = Logs::default();
        if let Some(out) = child.stdout.take() {
            logs.collect(out);
        }
        if let Some(err) = child.stderr.take() {
            logs.collect(err);
        }
        Ok(Self {
            child,
            watchdog,
            logs,
        })
    }
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
    /// What it has written; the handle outlives the process.
    #[must_use]
    pub fn logs(&self) -> Logs {
        self.logs.clone()
    }
    /// Waits for a line that contains the text and returns it.
    ///
    /// # Panics
    /// It does not come in time, or the process ends without it; the message has what the process wrote.
    pub async fn line(&self, containing: &str, within: Duration) -> String {
        let start = Instant::now();
        loop {
            // Asked before the lines are read, so that none is written between the two.
            let ended = self.logs.ended();
            if let Some(line) = self.logs.lines().into_iter().find(|l| l.contains(containing)) {
                return line;
            }
            let text = self.logs.text();
            assert!(
                !ended,
                "the process ended without a line with `{containing}`:\n{text}"
            );
            let waited = start.elapsed();
            assert!(
                waited <= within,
                "no line with `{containing}` in {waited:?}:\n{text}"
            );
            tokio::time::sleep(STEP).await;
        }
    }
    /// How it ended, where it has.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
    /// Waits until it has ended.
    ///
    /// # Panics
    /// It does not end in time.
    pub async fn wait(&mut self, within: Duration) -> ExitStatus {
        let child = &mut self.child;
        eventually_some("the end of the process", within, async || {
            child.try_wait().ok().flatten()
        })
        .await
    }
    /// Asks it to end (SIGTERM).
    ///
    /// # Errors
    /// It has ended already.
    pub fn terminate(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)
    }
    /// Freezes it (SIGSTOP).
    ///
    /// # Errors
    /// It has ended already.
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }
    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// It has ended already.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }
    /// Kills it (SIGKILL) and waits for its end.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill(&mut self) -> anyhow::Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }
    fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        // Only one that was not awaited still owns its process id.
        anyhow::ensure!(self.child.try_wait()?.is_none(), "the process has ended");
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(id.context("no process id")?, signal)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog first: it must not shoot at an id that is somebody else's by then. Both may
        // have ended already.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start(command).unwrap()
    }

    #[tokio::test]
    async fn what_a_process_writes_is_kept() {
        let mut process = shell("echo out; echo err >&2; exit 3");
        assert_eq!(process.line("err", SOON).await, "err");
        assert_eq!(process.wait(SOON).await.code(), Some(3));
        process.line("out", SOON).await;
    }

    #[tokio::test]
    #[should_panic(expected = "the process ended without a line with `ready`:\naddress in use")]
    async fn a_process_that_ends_early_is_told_with_what_it_wrote() {
        shell("echo address in use; exit 1").line("ready", SOON).await;
    }

    #[tokio::test]
    async fn a_killed_process_ends_without_cleaning_up() {
        let mut process = shell("trap 'echo cleaned' TERM; echo up; while :; do sleep 0.05; done");
        process.line("up", SOON).await;
        assert_eq!(process.kill().unwrap().code(), None);
        assert!(!process.logs().text().contains("cleaned"));
    }
}
