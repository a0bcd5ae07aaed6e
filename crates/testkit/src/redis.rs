//! A throw-away Redis.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail, ensure};

use crate::{
    eventually_some,
    owner::Owner,
    port::free_port,
    supervisor::{Script, Supervisor},
};

const SCRIPT: Script = Script {
    start: r#"redis-server "$dir/redis.conf" </dev/null >>"$dir/log" 2>&1 & pid=$!"#,
    stop: r#"kill -TERM "$pid" && { wait "$pid"; pid=; true; }"#,
    kill: r#"{ [ -z "$pid" ] || { kill -KILL "$pid"; wait "$pid"; pid=; }; true; }"#,
    pause: r#"kill -STOP "$pid""#,
    resume: r#"kill -CONT "$pid""#,
};

/// A Redis server of one test on a port of its own, without persistence unless options say so.
#[derive(Debug, Clone)]
pub struct Redis {
    port: u16,
    supervisor: Arc<Supervisor>,
}

impl Redis {
    /// Starts a server.
    ///
    /// # Errors
    /// `redis-server` is missing or does not come up.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_with(&[]).await
    }
    /// Starts a server with further lines of its configuration, as in `maxmemory 1mb`.
    ///
    /// # Errors
    /// `redis-server` is missing or does not come up.
    pub async fn start_with(options: &[&str]) -> anyhow::Result<Self> {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join("redis-server").is_file()));
        ensure!(
            found,
            "`redis-server` is not installed: run scripts/install-servers.sh"
        );
        let supervisor = Supervisor::new("redis", Owner::SELF, &SCRIPT)?;
        let port = free_port()?;
        let dir = supervisor.dir().display();
        let mut lines = format!(
            "bind 127.0.0.1\nport {port}\ndir \"{dir}\"\ndbfilename dump.rdb\nsave \"\"\nappendonly no\n\
             protected-mode no\nenable-debug-command yes\n"
        );
        for option in options {
            lines.push_str(option);
            lines.push('\n');
        }
        fs::write(supervisor.dir().join("redis.conf"), lines)?;
        let redis = Self {
            port,
            supervisor: Arc::new(supervisor),
        };
        redis.restart().await?;
        Ok(redis)
    }
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
    /// Stops it in order.
    ///
    /// # Errors
    /// It does not run.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.say("stop").await
    }
    /// Kills it (SIGKILL).
    ///
    /// # Errors
    /// The supervisor is gone.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.say("kill").await
    }
    /// Kills it where it runs and starts it again on the same port; what was not saved is gone.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn restart(&self) -> anyhow::Result<()> {
        self.say("kill").await?;
        self.say("start").await?;
        let port = self.port;
        eventually_some("an answer of redis", Duration::from_secs(30), async || {
            tokio::task::spawn_blocking(move || command(port, "PING"))
                .await
                .ok()?
                .ok()
        })
        .await;
        Ok(())
    }
    /// Freezes it (SIGSTOP): connections stay, answers do not come.
    ///
    /// # Errors
    /// It does not run.
    pub async fn pause(&self) -> anyhow::Result<()> {
        self.say("pause").await
    }
    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.say("resume").await
    }
    /// Saves its data and returns them, to be given to [`Self::restore`] later.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn dump(&self) -> anyhow::Result<Vec<u8>> {
        self.command("SAVE").await?;
        Ok(fs::read(self.dump_file())?)
    }
    /// Starts it anew with data of an earlier dump: a Redis that went back in time.
    ///
    /// # Errors
    /// It does not come up.
    pub async fn restore(&self, dump: &[u8]) -> anyhow::Result<()> {
        self.say("kill").await?;
        fs::write(self.dump_file(), dump)?;
        self.restart().await
    }
    /// Sends an inline command, as in `CONFIG SET maxmemory 1mb`, and returns the first line of the answer.
    ///
    /// # Errors
    /// No answer, or an error.
    pub async fn command(&self, line: &str) -> anyhow::Result<String> {
        let (port, line) = (self.port, line.to_owned());
        tokio::task::spawn_blocking(move || command(port, &line)).await?
    }
    fn dump_file(&self) -> PathBuf {
        self.supervisor.dir().join("dump.rdb")
    }
    async fn say(&self, word: &'static str) -> anyhow::Result<()> {
        let supervisor = Arc::clone(&self.supervisor);
        tokio::task::spawn_blocking(move || supervisor.say(word)).await?
    }
}

fn command(port: u16, line: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("{line}\r\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    let answer = answer.trim_end();
    if let Some(error) = answer.strip_prefix('-') {
        bail!("redis says: {error}");
    }
    Ok(answer.get(1..).context("redis gave no answer")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_restored_dump_takes_the_data_back_in_time() {
        let redis = Redis::start().await.unwrap();
        redis.command("SET k old").await.unwrap();
        let dump = redis.dump().await.unwrap();
        redis.command("SET k newer").await.unwrap();
        redis.restore(&dump).await.unwrap();
        assert_eq!(redis.command("STRLEN k").await.unwrap(), "3");
    }

    #[tokio::test]
    async fn a_paused_server_does_not_answer_until_it_goes_on() {
        let redis = Redis::start().await.unwrap();
        redis.pause().await.unwrap();
        let answer = tokio::spawn({
            let redis = redis.clone();
            async move { redis.command("PING").await }
        });
        assert!(!answer.is_finished());
        redis.resume().await.unwrap();
        assert_eq!(answer.await.unwrap().unwrap(), "PONG");
    }

    #[tokio::test]
    async fn the_folder_goes_with_the_server() {
        let redis = Redis::start().await.unwrap();
        let dir = redis.supervisor.dir().to_owned();
        assert!(dir.exists());
        drop(redis);
        assert!(!dir.exists());
    }
}
