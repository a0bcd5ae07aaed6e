//! A shell that starts and stops one server on our word, and cleans up when we are gone.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, bail};

use crate::owner::Owner;

/// What the shell does with the server, as shell text; `$dir` is its folder, `$pid` what `start` left there.
pub(crate) struct Script {
    pub(crate) start: &'static str,
    pub(crate) stop: &'static str,
    pub(crate) kill: &'static str,
    pub(crate) pause: &'static str,
    pub(crate) resume: &'static str,
}

/// The shell and its folder. Closing the pipe to it kills the server and removes the folder.
#[derive(Debug)]
pub(crate) struct Supervisor {
    dir: PathBuf,
    talk: Mutex<Talk>,
}

#[derive(Debug)]
struct Talk {
    child: Child,
    words: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Makes the folder and starts the shell, but not yet the server.
    pub(crate) fn new(name: &str, owner: Owner, script: &Script) -> anyhow::Result<Self> {
        let dir = tempfile::Builder::new()
            .prefix(&format!("bailiwick-{name}-"))
            .tempdir()
            .context("no temporary folder can be made")?
            .keep();
        owner.takes(&dir)?;
        let text = format!(
            r#"
dir=$1
pid=
while read -r word rest; do
  case $word in
    start) {start} ;;
    stop) {stop} ;;
    kill) {kill} ;;
    pause) {pause} ;;
    resume) {resume} ;;
    *) false ;;
  esac && echo ok || echo failed
done
{kill}
rm -rf "$dir"
"#,
            start = script.start,
            stop = script.stop,
            kill = script.kill,
            pause = script.pause,
            resume = script.resume,
        );
        let mut command = Command::new("sh");
        // A group of its own: an interrupt at the terminal must reach the tests, not the one that cleans
        // up after them.
        command
            .args(["-c", &text, "supervisor"])
            .arg(&dir)
            .process_group(0)
            .current_dir(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        owner.applies(&mut command);
        let mut child = command.spawn().context("`sh` cannot be started")?;
        let words = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("the shell has no output")?);
        Ok(Self {
            dir,
            talk: Mutex::new(Talk {
                child,
                words,
                answers,
            }),
        })
    }
    /// The folder of the server.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
    /// Says a word (`start`, `stop`, `kill`, `pause`, `resume`) and waits until it is done.
    pub(crate) fn say(&self, word: &str) -> anyhow::Result<()> {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        let words = talk.words.as_mut().context("the shell has ended")?;
        writeln!(words, "{word}")?;
        let mut answer = String::new();
        talk.answers.read_line(&mut answer)?;
        if answer.trim() != "ok" {
            let log = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
            bail!("`{word}` failed: {}", tail(&log));
        }
        Ok(())
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let talk = self.talk.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(talk.words.take());
        if let Err(error) = talk.child.wait() {
            note(&error);
        }
    }
}

/// A failing clean-up must not fail the test that has passed.
#[expect(clippy::print_stderr, reason = "test output is where a developer looks")]
fn note(error: &std::io::Error) {
    eprintln!("a throw-away server was not awaited: {error}");
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
