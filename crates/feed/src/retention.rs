//! The retention of a feed.

use std::time::Duration;

use bailiwick_sql::Db;

/// The interval of pruning.
const PAUSE: Duration = Duration::from_mins(10);

/// Prunes events older than `keep` at an interval, until it is cancelled. A follower that was away for longer
/// starts from a snapshot.
pub async fn retain(db: Db, keep: Duration) {
    loop {
        match db.feed().prune(keep).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(service = %db.service(), events, "pruned old events"),
            Err(error) => {
                tracing::warn!(service = %db.service(), error = %error.detail(), "cannot prune old events");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
