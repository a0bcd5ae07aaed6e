//! What runs beside the methods: disablings that were cut are finished, old rows go, keys change, and what other
//! processes of this service have ended is forgotten here.

use std::{sync::Arc, time::Duration};

use bailiwick_identity_core::{Identity, use_case::upkeep};
use bailiwick_proto::events::v1::{UserState, change::Change};
use bailiwick_rpc::Authenticator;
use bailiwick_sql::{Cursor, Db};
use bailiwick_types::{Subject, UserId};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const OFTEN: Duration = Duration::from_secs(5);
const SELDOM: Duration = Duration::from_secs(60);
const HOURLY: Duration = Duration::from_secs(3_600);
/// After a failure of the feed.
const PAUSE: Duration = Duration::from_secs(1);
/// How long one wait for the feed lasts.
const WAIT: Duration = Duration::from_secs(30);
const ROWS: u32 = 256;

/// Starts the work; it ends with `stop`.
pub(crate) fn start(
    identity: Arc<Identity>,
    db: Db,
    retention: Duration,
    authenticator: Arc<Authenticator>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let (pruned, prune) = (db.clone(), stop.clone());
    tasks.spawn(async move {
        prune.run_until_cancelled(keep_feed(&pruned, retention)).await;
    });
    let (often, seldom, follow) = (stop.clone(), stop.clone(), stop.clone());
    let (one, other) = (Arc::clone(&identity), identity);
    let forgetting = Arc::clone(&authenticator);
    tasks.spawn(async move {
        often
            .run_until_cancelled(finish_disablings(&one, &forgetting))
            .await;
    });
    tasks.spawn(async move {
        seldom.run_until_cancelled(keep_up(&other)).await;
    });
    tasks.spawn(async move {
        follow
            .run_until_cancelled(forget_what_ended(&db, &authenticator))
            .await;
    });
}

async fn finish_disablings(identity: &Identity, authenticator: &Authenticator) {
    let mut ticks = interval(OFTEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match upkeep::finish_disablings(identity).await {
            Ok(users) => users
                .into_iter()
                .for_each(|id| authenticator.forget_subject(&Subject::user(id))),
            Err(error) => tracing::warn!(%error, "disablings cannot be finished"),
        }
    }
}

async fn keep_up(identity: &Identity) {
    let mut ticks = interval(SELDOM);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = upkeep::maintain_keys(identity).await {
            tracing::warn!(%error, "signing keys cannot be looked after");
        }
        if let Err(error) = upkeep::purge(identity).await {
            tracing::warn!(%error, "old rows cannot be removed");
        }
    }
}

/// Keeps the feed bounded.
async fn keep_feed(db: &Db, retention: Duration) {
    let mut ticks = interval(HOURLY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = db.feed().prune(retention).await {
            tracing::warn!(error = %error.detail(), "old events cannot be removed");
        }
    }
}

/// Follows the service's own feed, in which other processes of it tell what they ended.
async fn forget_what_ended(db: &Db, authenticator: &Authenticator) {
    let mut cursor: Option<Cursor> = None;
    loop {
        match follow(db, authenticator, cursor.take()).await {
            Ok(at) => cursor = Some(at),
            Err(error) => {
                // A cursor that is refused is not taken up again: the feed is another one now.
                tracing::warn!(error = %error.detail(), "the own feed cannot be followed");
                tokio::time::sleep(PAUSE).await;
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
