//! Background work: finishes interrupted disablings, removes old rows, rotates keys, and drops credentials
//! that another process of the service ended.

use std::{sync::Arc, time::Duration};

use bailiwick_feed::retain;
use bailiwick_identity_core::{Identity, upkeep};
use bailiwick_proto::events::v1::{UserState, change::Change};
use bailiwick_rpc::{Authenticator, Chain};
use bailiwick_sql::{Cursor, Db};
use bailiwick_types::{Subject, System, UserId};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const OFTEN: Duration = Duration::from_secs(5);
const SELDOM: Duration = Duration::from_mins(1);
/// The delay after a failure of the feed.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for the feed.
const WAIT: Duration = Duration::from_secs(30);
const ROWS: u32 = 256;

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
    let (disable, maintain, forget) = (all(), all(), all());
    spawn(tasks, stop, async move { disable.finish_disablings().await });
    spawn(tasks, stop, async move { maintain.keys_and_rows().await });
    spawn(tasks, stop, retain(work.db.clone(), work.retention));
    spawn(tasks, stop, async move { forget.ended_elsewhere().await });
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
                Ok(users) => users
                    .into_iter()
                    .for_each(|id| self.authenticator.forget_subject(&Subject::user(id))),
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "failed to finish disabling users; retrying");
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

    /// Follows the service's own feed: it names what other processes of the service ended.
    async fn ended_elsewhere(&self) {
        let mut cursor: Option<Cursor> = None;
        loop {
            match follow(&self.db, &self.authenticator, cursor.take()).await {
                Ok(at) => cursor = Some(at),
                Err(error) => {
                    // A refused cursor is dropped: the feed has another epoch.
                    tracing::warn!(error = %error.detail(), "failed to follow the own feed; retrying");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn follow(
    db: &Db,
    authenticator: &Authenticator,
    cursor: Option<Cursor>,
) -> Result<Cursor, bailiwick_sql::Error> {
    let feed = db.feed();
    let cursor = match cursor {
        Some(cursor) => cursor,
        None => feed.head().await?,
    };
    feed.wait(cursor.position, WAIT).await?;
    let batch = feed.read(&cursor, ROWS).await?;
    let mut position = cursor.position;
    for row in &batch.rows {
        position = row.position.unwrap_or(position).max(position);
        for bytes in &row.changes {
            forget(authenticator, bytes);
        }
    }
    Ok(Cursor {
        epoch: batch.epoch,
        position,
    })
}

fn forget(authenticator: &Authenticator, bytes: &[u8]) {
    match bailiwick_feed::change(bytes) {
        Ok(Change::SessionRevoked(gone)) => {
            if let Ok(session) = gone.session.parse() {
                authenticator.forget_session(session);
            }
        }
        Ok(Change::UserChanged(user)) if user.state() != UserState::Active => {
            if let Ok(id) = user.user.parse::<UserId>() {
                authenticator.forget_subject(&Subject::user(id));
            }
        }
        Ok(Change::ServiceAccountChanged(account)) if !account.enabled => {
            if let Ok(id) = account.service_account.parse() {
                authenticator.forget_subject(&Subject::service(id));
            }
        }
        _ => {}
    }
}
