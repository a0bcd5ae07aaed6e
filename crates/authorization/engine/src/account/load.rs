//! Reads accounts: as a whole, and from their watermark on.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bailiwick_types::AccountId;
use tokio::time::Instant;

use super::{
    Replica,
    entry::{Account, State},
    ready::{Broken, Fresh, Ready},
};
use crate::{Loaded, Read, ReplicaError, Row, Watermark};

impl Replica {
    /// The entry of an account; a loading one where it is not known.
    pub(crate) fn enter(&self, id: AccountId) -> Arc<Account> {
        if let Some(account) = self.known_account(id) {
            return account;
        }
        self.make_room();
        let accounts = self.accounts.pin();
        Arc::clone(accounts.get_or_insert_with(id, || Arc::new(Account::loading(id))))
    }

    /// Reads an account in one snapshot. Its entry keeps the changes that arrive meanwhile.
    pub(crate) async fn load(&self, account: &Arc<Account>, until: Instant) -> Result<(), ReplicaError> {
        // Changes are kept from the first poll on: an account that was read before could miss one.
        self.wait_for_polls(until).await?;
        let _one = tokio::time::timeout_at(until, account.loading.lock())
            .await
            .map_err(|_| ReplicaError::DeadlineExceeded)?;
        if !matches!(*account.read(), State::Loading(_)) {
            return Ok(());
        }
        let result = self.load_alone(account, until).await;
        if result.is_err() || !matches!(*account.read(), State::Ready(_)) {
            self.drop_account(account);
        }
        result
    }

    async fn load_alone(&self, account: &Arc<Account>, until: Instant) -> Result<(), ReplicaError> {
        let _permit = self.admit(until).await?;
        let mut since: Option<Watermark> = None;
        loop {
            let Some((read, began)) = self.read_content(account, since, until).await? else {
                return Ok(());
            };
            let mut state = account.write();
            let State::Loading(pending) = &mut *state else {
                return Ok(());
            };
            let rows: Vec<Arc<Row>> = std::mem::take(pending);
            let mut ready = Ready::new(
                read.epoch,
                read.at,
                read.value.content,
                began,
                self.config.changes,
                self.config.memory,
            );
            match ready.outdated_by(rows.iter().map(|row| &**row)) {
                // Rows that arrived meanwhile change the content: it is read again, with the rows since this
                // read.
                Ok(outdated) if outdated.any() => {
                    since = Some(read.at);
                    *pending = rows;
                }
                Ok(_)
                    if ready
                        .apply(rows.iter().map(|row| &**row), Fresh::default())
                        .is_ok() =>
                {
                    let weight = ready.weight();
                    *state = State::Ready(Box::new(ready));
                    drop(state);
                    self.weigh(account, weight);
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
    }

    /// Reads the content of an account, with the rows since a point, and tells when the read began; nothing
    /// where it is of another epoch than the known one.
    async fn read_content(
        &self,
        account: &Arc<Account>,
        since: Option<Watermark>,
        until: Instant,
    ) -> Result<Option<(Read<Loaded>, Duration)>, ReplicaError> {
        let began = self.clock.boottime();
        let read = self.within(until, self.source.load(account.id, since)).await??;
        let Some(read) = read else {
            self.drop_account(account);
            return Err(ReplicaError::UnknownAccount);
        };
        if !self.observe_epoch(&read.epoch) {
            return Ok(None);
        }
        self.note_product(&read.value.content.product.name);
        Ok(Some((read, began)))
    }

    /// Advances an account to the primary's present state; returns where the primary stood. The caller holds
    /// no lock.
    pub(crate) async fn advance(
        &self,
        account: &Arc<Account>,
        until: Instant,
    ) -> Result<Option<Watermark>, ReplicaError> {
        let (since, product) = {
            let state = account.read();
            let Some(ready) = state.ready() else {
                return Ok(None);
            };
            (ready.watermark(), ready.content.product.name.clone())
        };
        let began = self.clock.boottime();
        let read = self
            .within(until, self.source.advance(account.id, &product, since))
            .await??;
        if !self.observe_epoch(&read.epoch) {
            return Ok(None);
        }
        if !self.continues(account, &since, &read.at) {
            return Ok(None);
        }
        let Some(rows) = read.value else {
            // Too far behind: loading the account is cheaper.
            self.drop_account(account);
            return Ok(None);
        };
        {
            let mut state = account.write();
            let Some(ready) = state.ready_mut().filter(|ready| ready.epoch == read.epoch) else {
                return Ok(None);
            };
            if ready.watermark().covers(&read.at) {
                ready.read_began(began);
                return Ok(Some(read.at));
            }
            match ready.outdated_by(&rows) {
                Ok(outdated) if outdated.any() => {}
                Ok(_)
                    if ready.apply(&rows, Fresh::default()).is_ok() && ready.watermark().covers(&read.at) =>
                {
                    ready.read_began(began);
                    return Ok(Some(read.at));
                }
                Err(Broken::OtherHistory) => {
                    drop(state);
                    self.contradicted(account);
                    return Ok(None);
                }
                _ => {
                    drop(state);
                    self.drop_account(account);
                    return Ok(None);
                }
            }
        }
        self.reload(account, until).await
    }

    /// Reads the content of a known account again, with the rows that lead there; its parts stay.
    pub(crate) async fn reload(
        &self,
        account: &Arc<Account>,
        until: Instant,
    ) -> Result<Option<Watermark>, ReplicaError> {
        let since = match account.read().ready() {
            Some(ready) => ready.watermark(),
            None => return Ok(None),
        };
        let Some((read, began)) = self.read_content(account, Some(since), until).await? else {
            return Ok(None);
        };
        if !self.continues(account, &since, &read.at) {
            return Ok(None);
        }
        let Loaded { content, rows } = read.value;
        let mut state = account.write();
        let Some(ready) = state.ready_mut().filter(|ready| ready.epoch == read.epoch) else {
            return Ok(None);
        };
        if ready.watermark().covers(&read.at) {
            ready.read_began(began);
            return Ok(Some(read.at));
        }
        let applied = rows.map(|rows| ready.apply(&rows, Fresh::whole(content)));
        if applied == Some(Ok(())) && ready.watermark() == read.at {
            ready.read_began(began);
            return Ok(Some(read.at));
        }
        drop(state);
        if applied == Some(Err(Broken::OtherHistory)) {
            self.contradicted(account);
        } else {
            self.drop_account(account);
        }
        Ok(None)
    }

    /// Waits for a permit to read from the primary: after a restart many questions miss at once.
    pub(crate) async fn admit(
        &self,
        until: Instant,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, ReplicaError> {
        match tokio::time::timeout_at(until, self.reads.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(ReplicaError::Overloaded),
        }
    }

    /// Bounds work by the deadline.
    pub(crate) async fn within<T>(
        &self,
        until: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, ReplicaError> {
        tokio::time::timeout_at(until, work)
            .await
            .map_err(|_| ReplicaError::DeadlineExceeded)
    }

    /// Makes room for one more account: drops the least recently used one of a sample.
    fn make_room(&self) {
        self.step.fetch_add(1, Ordering::Relaxed);
        while self.accounts.len() >= self.config.accounts.max(1) {
            let oldest = {
                let accounts = self.accounts.pin();
                accounts
                    .values()
                    .take(64)
                    .min_by_key(|account| account.last_used())
                    .cloned()
            };
            let Some(oldest) = oldest else { return };
            self.drop_account(&oldest);
        }
    }

    /// Notes the weight of an account; while all together weigh too much, the heaviest ones give way.
    pub(crate) fn weigh(&self, account: &Arc<Account>, weight: usize) {
        let before = account.weight.swap(weight, Ordering::Relaxed);
        if weight >= before {
            self.weight.fetch_add(weight - before, Ordering::Relaxed);
        } else {
            self.subtract_weight(before - weight);
        }
        let mut rounds = 0;
        while self.weight.load(Ordering::Relaxed) > self.config.memory && rounds < 64 {
            rounds += 1;
            self.squeeze();
        }
    }

    /// Evicts parts of the heaviest account, or the account itself where it has no parts.
    fn squeeze(&self) {
        let heaviest = {
            let accounts = self.accounts.pin();
            accounts
                .values()
                .max_by_key(|account| account.weight.load(Ordering::Relaxed))
                .cloned()
        };
        let Some(heaviest) = heaviest else { return };
        let over = self
            .weight
            .load(Ordering::Relaxed)
            .saturating_sub(self.config.memory);
        // A little more than needed, so that the next insertions find room.
        let give = over + self.config.memory / 64;
        let weight = {
            let mut state = heaviest.write();
            let Some(ready) = state.ready_mut() else { return };
            let parts = ready.parts.weight();
            if parts == 0 {
                None
            } else {
                ready.parts.set_capacity(parts.saturating_sub(give));
                ready.parts.set_capacity(self.config.memory);
                Some(ready.weight())
            }
        };
        match weight {
            Some(weight) => {
                let before = heaviest.weight.swap(weight, Ordering::Relaxed);
                self.subtract_weight(before.saturating_sub(weight));
            }
            None => self.drop_account(&heaviest),
        }
    }
}
