//! A primary that was restored without a new epoch: the same revisions, made by other writes. Their stamps
//! tell.
//!
//! Whatever contradicts the history that the primary has now is of a lost one. Where that is what this
//! process knows of an account, it is dropped and read again; where it is a value of the shared cache, all
//! parts of the account are dropped, and no older ones are taken from the cache.

use std::sync::Arc;

use tokio::{sync::watch, time::Instant};

use super::{Replica, entry::Account};
use crate::{ReplicaError, Watermark, parts::PartKey};

impl Replica {
    /// How often data of a lost history was found, here or in the shared cache; changes with each time.
    #[must_use]
    pub fn contradictions(&self) -> watch::Receiver<u64> {
        self.contradictions.subscribe()
    }

    /// Whether a read of the primary continues the history of an account that was at `before` when the read
    /// began: one primary never goes back. Drops the account where it does not.
    pub(crate) fn continues(&self, account: &Arc<Account>, before: &Watermark, at: &Watermark) -> bool {
        let continues = at.covers(before) && !at.contradicts(before);
        if !continues {
            self.contradicted(account);
        }
        continues
    }

    /// Drops an account whose data the primary contradicts.
    pub(crate) fn contradicted(&self, account: &Arc<Account>) {
        self.drop_account(account);
        self.tell(account, "replica");
    }

    /// Drops all parts of an account, of which the shared cache has returned some of a lost history. Whether
    /// the account itself is of it, the primary tells first.
    pub(crate) async fn shared_contradicts(
        &self,
        account: &Arc<Account>,
        lost: Vec<PartKey>,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        if let Some(shared) = &self.shared {
            shared.remove(account.id, lost);
        }
        self.tell(account, "shared_cache");
        self.advance(account, until).await?;
        let weight = account.write().ready_mut().map(|ready| {
            ready.distrust_shared(self.config.memory);
            ready.weight()
        });
        if let Some(weight) = weight {
            self.weigh(account, weight);
        }
        Ok(())
    }

    fn tell(&self, account: &Account, found_in: &'static str) {
        tracing::warn!(
            account.id = %account.id,
            source = found_in,
            "the primary has other writes under the same revisions: dropped everything of the account. After a \
             restore that the database cannot notice, run `bailiwick database restored authorization`"
        );
        self.contradictions.send_modify(|n| *n += 1);
    }
}
