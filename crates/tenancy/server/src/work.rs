//! Background work: finishes interrupted closings and deletes old answers to requests.

use std::{sync::Arc, time::Duration};

use bailiwick_tenancy_core::{Tenancy, closing, moving};
use bailiwick_types::{Clock, StoreError, System, Timestamp};

use crate::{SqlStore, TenancyConfig};

/// Closings of one round.
const BATCH: u64 = 100;
/// The pause after all old answers are deleted.
const PURGE_INTERVAL: Duration = Duration::from_mins(10);

/// Finishes suspensions, restrictions, deletions and moves that a crash, or an unavailable authorization
/// service, interrupted.
pub(crate) struct Closings {
    pub(crate) tenancy: Tenancy,
    pub(crate) system: System,
    pub(crate) config: TenancyConfig,
}

impl Closings {
    /// Runs one round after another.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(self.config.closing_interval.get()).await;
            if let Err(error) = self.round().await {
                tracing::warn!(error = %error, "cannot read unfinished closings; retrying");
            }
        }
    }
    /// Finishes the closings that are older than a request takes; those that fail stay for the next round.
    pub(crate) async fn round(&self) -> Result<(), StoreError> {
        let until = self.tenancy.clock.now().minus(self.config.closing_age.get());
        let mut read = self.tenancy.store.read_all(self.system.all_accounts()).await?;
        let unfinished = read.unfinished(until, BATCH).await?;
        drop(read);
        self.finish_moves(until).await?;
        for closing in unfinished {
            let scope = &closing.scope;
            match closing::resume(&self.tenancy, &self.system, &closing).await {
                Ok(_) => tracing::info!(%scope, "finished an interrupted closing"),
                Err(error) => tracing::warn!(%scope, %error, "cannot finish a closing; retrying"),
            }
        }
        Ok(())
    }
    /// Finishes moves, batch after batch: some that fail keep no other from its turn.
    async fn finish_moves(&self, until: Timestamp) -> Result<(), StoreError> {
        let mut last = None;
        loop {
            let mut read = self.tenancy.store.read_all(self.system.all_accounts()).await?;
            let moves = read.unfinished_moves(until, last.as_ref(), BATCH).await?;
            drop(read);
            for moving in &moves {
                let scope = moving.scope();
                match moving::resume(&self.tenancy, &self.system, moving).await {
                    Ok(()) => tracing::info!(%scope, "finished an interrupted move"),
                    Err(moving::FinishError::Declined(error)) => {
                        tracing::info!(%scope, %error, "gave an interrupted move up");
                    }
                    Err(error) => tracing::warn!(%scope, %error, "cannot finish a move; retrying"),
                }
            }
            last = moves.last().cloned();
            if last.is_none() {
                return Ok(());
            }
        }
    }
}

/// Deletes the answers to requests that are older than `retention`, round after round.
pub(crate) async fn purge_requests(
    store: SqlStore,
    system: System,
    clock: Arc<dyn Clock>,
    retention: Duration,
) {
    loop {
        let until = clock.now().minus(retention);
        match store.purge_requests(system.all_accounts(), until).await {
            Ok(false) => {}
            Ok(true) => tokio::time::sleep(PURGE_INTERVAL).await,
            Err(error) => {
                tracing::warn!(error = %error.detail(), "cannot delete old answers to requests; retrying");
                tokio::time::sleep(PURGE_INTERVAL).await;
            }
        }
    }
}
