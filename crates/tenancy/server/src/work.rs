//! What runs beside the methods: finishing what was cut off, forgetting what is old.

use std::{sync::Arc, time::Duration};

use bailiwick_sql::Db;
use bailiwick_tenancy_core::{
    closing,
    peer::Authorization,
    store::{Reach, Store, StoreError},
};
use bailiwick_types::{Clock, Timestamp};

use crate::TenancyConfig;

/// Closings that are taken in hand at a time.
const BATCH: u64 = 100;
/// The pause between two looks for answers that are kept too long.
const FORGET: Duration = Duration::from_secs(600);

/// Finishes suspensions and deletions that a crash, or an authorization that did not answer, cut off.
pub(crate) struct Closings {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) authorization: Arc<dyn Authorization>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: TenancyConfig,
}

impl Closings {
    /// Works for ever.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(self.config.closing_interval.get()).await;
            if let Err(error) = self.round().await {
                tracing::warn!(error = %error, "unfinished closings cannot be read");
            }
        }
    }
    /// Takes in hand what is old enough not to be in a request's hand; those that fail wait for the next round.
    pub(crate) async fn round(&self) -> Result<(), StoreError> {
        let age = i64::try_from(self.config.closing_age.get().as_micros()).unwrap_or(i64::MAX);
        let until = Timestamp(self.clock.now().0.saturating_sub(age));
        let unfinished = self
            .store
            .read(Reach::All)
            .await?
            .unfinished(until, BATCH)
            .await?;
        for closing in unfinished {
            match closing::finish(&*self.store, &*self.authorization, &*self.clock, &closing).await {
                Ok(_) => tracing::info!(scope = %closing.scope, "an unfinished closing is finished"),
                Err(error) => {
                    tracing::warn!(scope = %closing.scope, error = %error, "a closing cannot be finished yet")
                }
            }
        }
        Ok(())
    }
}

/// Forgets the answers of old requests, for ever.
pub(crate) async fn forget(db: Db, clock: Arc<dyn Clock>, retention: Duration) {
    let keep = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
    loop {
        let before = Timestamp(clock.now().0.saturating_sub(keep));
        match crate::store::forget_requests(&db, before).await {
            Ok(false) => {}
            Ok(true) => tokio::time::sleep(FORGET).await,
            Err(error) => {
                tracing::warn!(error = %error.detail(), "old requests cannot be forgotten");
                tokio::time::sleep(FORGET).await;
            }
        }
    }
}
