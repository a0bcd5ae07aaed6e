//! How long a feed is kept.

use std::time::Duration;

use bailiwick_sql::Db;

/// The pause between two looks for events that are kept too long.
const PAUSE: Duration = Duration::from_secs(600);

/// Takes away what is older than `keep`, for ever. A follower that was away for longer starts
/// from a snapshot.
pub async fn retain(db: Db, keep: Duration) {
    loop {
        match db.feed().prune(keep).await {
            Ok(0) => {}
            Ok(events) => tracing::info!(service = %db.service(), events, "old events are taken away"),
            Err(error) => {
                tracing::warn!(service = %db.service(), error = %error.detail(), "old events cannot be taken away");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
