//! Background work: finishes interrupted disablings, sends mails, removes old rows and rotates keys.

use std::{sync::Arc, time::Duration};

use bailiwick_feed::retain;
use bailiwick_identity_core::{
    Identity,
    mail::{
        Mail, Mailer,
        deliver::{self, Delivery, Outcome},
    },
    upkeep,
};
use bailiwick_rpc::{Authenticator, Chain, metrics::IntCounterVec};
use bailiwick_sql::Db;
use bailiwick_types::{StoreError, System};
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const OFTEN: Duration = Duration::from_secs(5);
const SELDOM: Duration = Duration::from_mins(1);
/// How often mails are looked for that other processes wrote, or that are tried again.
const MAILS: Duration = Duration::from_secs(2);
/// How many mails are sent at once.
const AT_ONCE: u64 = 8;

/// What the work needs.
pub(crate) struct Work {
    pub(crate) identity: Arc<Identity>,
    pub(crate) system: System,
    pub(crate) db: Db,
    pub(crate) retention: Duration,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) mails: IntCounterVec,
    pub(crate) authenticator: Arc<Authenticator>,
}

/// Starts the work, a task for each part; it ends with `stop`.
pub(crate) fn start(work: Work, tasks: &TaskTracker, stop: &CancellationToken) {
    fn spawn(tasks: &TaskTracker, stop: &CancellationToken, part: impl Future<Output = ()> + Send + 'static) {
        let stop = stop.clone();
        tasks.spawn(async move { stop.run_until_cancelled(part).await });
    }
    let work = Arc::new(work);
    let all = || Arc::clone(&work);
    let (disable, maintain, mail) = (all(), all(), all());
    spawn(tasks, stop, async move { mail.send_mails().await });
    spawn(tasks, stop, async move { disable.finish_disablings().await });
    spawn(tasks, stop, async move { maintain.keys_and_rows().await });
    spawn(tasks, stop, retain(work.db.clone(), work.retention));
}

fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Work {
    async fn finish_disablings(&self) {
        let mut ticks = every(OFTEN);
        loop {
            ticks.tick().await;
            match upkeep::finish_disablings(&self.identity, &self.system).await {
                Ok(subjects) => subjects
                    .iter()
                    .for_each(|subject| self.authenticator.forget_subject(subject)),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "failed to finish disabling; retrying");
                }
            }
        }
    }

    async fn send_mails(self: &Arc<Self>) {
        let mut ticks = every(MAILS);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.identity.outbox.wake.notified() => {}
            }
            loop {
                match deliver::claim(&self.identity, &self.system, AT_ONCE).await {
                    Ok(mails) if mails.is_empty() => break,
                    Ok(mails) => self.send(mails).await,
                    Err(error) => {
                        tracing::warn!(error = %Chain(&error), "failed to look for mails; retrying");
                        break;
                    }
                }
            }
        }
    }

    async fn send(self: &Arc<Self>, mails: Vec<Mail>) {
        let mut sending = JoinSet::new();
        for mail in mails {
            let work = Arc::clone(self);
            sending.spawn(async move {
                let done = deliver::deliver(&work.identity, &work.system, &*work.mailer, &mail).await;
                work.tell(&mail, &done);
            });
        }
        while let Some(done) = sending.join_next().await {
            if let Err(error) = done {
                tracing::error!(%error, "sending a mail ended without an outcome; retrying");
            }
        }
    }

    fn tell(&self, mail: &Mail, done: &Result<Delivery, StoreError>) {
        let kind = mail.kind.as_str();
        let outcome = match done {
            Ok(Delivery {
                outcome: Outcome::Sent,
                ..
            }) => "sent",
            Ok(Delivery {
                outcome: Outcome::Dropped,
                ..
            }) => "dropped",
            Ok(Delivery {
                outcome: Outcome::Failed(error),
                ..
            }) => {
                tracing::warn!(mail.id = %mail.id, kind, %error, "failed to send a mail; retrying later");
                "failed"
            }
            Ok(Delivery {
                outcome: Outcome::GivenUp(error),
                ..
            }) => {
                tracing::warn!(mail.id = %mail.id, kind, %error, "failed to send a mail; giving up");
                "given_up"
            }
            Err(error) => {
                tracing::warn!(mail.id = %mail.id, kind, error = %Chain(error), "failed to record a mail; retrying");
                "failed"
            }
        };
        self.mails.with_label_values(&[kind, outcome]).inc();
    }

    async fn keys_and_rows(&self) {
        let mut ticks = every(SELDOM);
        loop {
            ticks.tick().await;
            if let Err(error) = upkeep::maintain_keys(&self.identity, &self.system).await {
                tracing::warn!(error = %Chain(&error), "failed to maintain signing keys; retrying");
            }
            if let Err(error) = upkeep::encrypt_secrets(&self.identity, &self.system).await {
                tracing::warn!(error = %Chain(&error), "failed to encrypt secrets of authenticators; retrying");
            }
            if let Err(error) = upkeep::purge(&self.identity, &self.system).await {
                tracing::warn!(error = %Chain(&error), "failed to remove old rows; retrying");
            }
        }
    }
}
