//! Background work: finishes interrupted disablings, removes old rows and rotates keys.

use std::{sync::Arc, time::Duration};

use bailiwick_feed::retain;
use bailiwick_identity_core::{Identity, upkeep};
use bailiwick_rpc::{Authenticator, Chain};
use bailiwick_sql::Db;
use bailiwick_types::System;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const OFTEN: Duration = Duration::from_secs(5);
const SELDOM: Duration = Duration::from_mins(1);

/// What the work needs.
pub(crate) struct Work {
    pub(crate) identity: Arc<Identity>,
    pub(crate) system: System,
    pub(crate) db: Db,
    pub(crate) retention: Duration,
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
    let (disable, maintain) = (all(), all());
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

    async fn keys_and_rows(&self) {
        let mut ticks = every(SELDOM);
        loop {
            ticks.tick().await;
            if let Err(error) = upkeep::maintain_keys(&self.identity, &self.system).await {
                tracing::warn!(error = %Chain(&error), "failed to maintain signing keys; retrying");
            }
            if let Err(error) = upkeep::purge(&self.identity, &self.system).await {
                tracing::warn!(error = %Chain(&error), "failed to remove old rows; retrying");
            }
        }
    }
}
