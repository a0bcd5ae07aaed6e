//! Notifications about new changes. They only shorten waiting: every waiter polls as well.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::sync::watch;

use crate::{Db, Error};

/// The channel of PostgreSQL's NOTIFY.
pub(crate) const CHANNEL: &str = "bailiwick_feed";

/// In-process notifications.
#[derive(Debug)]
pub(crate) struct Hints {
    /// Something was committed in this process.
    committed: watch::Sender<u64>,
    /// Something got a position, in this process or in another one.
    sequenced: watch::Sender<u64>,
}

impl Hints {
    pub(crate) fn new() -> Self {
        Self {
            committed: watch::Sender::new(0),
            sequenced: watch::Sender::new(0),
        }
    }
    pub(crate) fn committed(&self) {
        self.committed.send_modify(|n| *n = n.wrapping_add(1));
    }
    pub(crate) fn sequenced(&self) {
        self.sequenced.send_modify(|n| *n = n.wrapping_add(1));
    }
}

impl Db {
    /// Changes whenever a commit with changes has happened in this process, before it has a position.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.inner.hints.committed.subscribe()
    }
    /// Changes whenever rows of the feed may have got positions, here or (PostgreSQL, once the
    /// workers run) elsewhere.
    #[must_use]
    pub fn sequencings(&self) -> watch::Receiver<u64> {
        self.inner.hints.sequenced.subscribe()
    }
}

/// Turns NOTIFY into in-process notifications, until it is cancelled.
pub(crate) async fn listen(db: Db) {
    let Some(pool) = db.inner.pools.notices() else {
        return;
    };
    loop {
        if let Err(error) = listen_once(&db, pool).await {
            tracing::debug!(
                error = Error::from(error).detail(),
                "feed notifications interrupted; falling back to polling"
            );
        }
        // Notifications sent in the meantime are lost.
        db.inner.hints.sequenced();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn listen_once(db: &Db, pool: &sqlx::PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    db.inner.hints.sequenced();
    while listener.try_recv().await?.is_some() {
        db.inner.hints.sequenced();
    }
    Ok(())
}
