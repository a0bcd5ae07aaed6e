//! Reading accounts: as a whole, and on from where they are.

use std::sync::{Arc, atomic::Ordering};

use bailiwick_types::AccountId;
use tokio::time::Instant;

use super::{
    Replica, ReplicaError, Row, Vector,
    account::{Account, State},
    ready::{Fresh, Ready},
};

impl Replica {
    /// Finds an account, entering it where it is not known.
    pub(super) fn enter(&self, id: AccountId) -> Arc<Account> {
        if let Some(account) = self.find(id) {
            return account;
        }
        self.make_room();
        let accounts = self.accounts.pin();
        Arc::clone(accounts.get_or_insert_with(id, || Arc::new(Account::loading(id))))
    }

    /// Reads an account in one snapshot. It is entered as loading before, so that no change is lost between.
    pub(super) async fn load(&self, account: &Arc<Account>, until: Instant) -> Result<(), ReplicaError> {
        // Changes are kept from the first poll on: an account that was read before it could miss one.
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
        let mut since: Option<Vector> = None;
        loop {
            let began = self.clock.boottime();
            let read = self
                .within(until, self.source.load(account.id, since, &self.known_products()))
                .await??;
            let read = read.ok_or(ReplicaError::UnknownAccount)?;
            if !self.saw(&read.epoch) {
                return Ok(());
            }
            let mut content = read.value.content;
            content.product = self.share_product(content.product);
            let mut state = account.write();
            let State::Loading(pending) = &mut *state else {
                return Ok(());
            };
            let rows: Vec<Arc<Row>> = std::mem::take(pending);
            let mut ready = Ready::new(
                read.epoch,
                read.at,
                content,
                began,
                self.config.changes,
                self.config.memory,
            );
            match ready.plan(rows.iter().map(|row| &**row)) {
                // What came meanwhile names content of another moment: it is read again, now knowing where to begin.
                Ok(plan) if plan.deployment || plan.product || plan.account => {
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

    /// Brings an account as far as the primary is now; returns where the primary stood. Called with nothing held.
    pub(super) async fn advance(
        &self,
        account: &Arc<Account>,
        until: Instant,
    ) -> Result<Option<Vector>, ReplicaError> {
        let (since, product) = {
            let state = account.read();
            let Some(ready) = state.ready() else {
                return Ok(None);
            };
            (ready.w(), ready.content.product.name.clone())
        };
        let began = self.clock.boottime();
        let read = self
            .within(until, self.source.advance(account.id, &product, since))
            .await??;
        if !self.saw(&read.epoch) {
            return Ok(None);
        }
        let Some(rows) = read.value else {
            // So far behind that reading anew is cheaper.
            self.drop_account(account);
            return Ok(None);
        };
        {
            let mut state = account.write();
            let Some(ready) = state.ready_mut().filter(|ready| ready.epoch == read.epoch) else {
                return Ok(None);
            };
            if ready.w().covers(&read.at) {
                ready.read_began(began);
                return Ok(Some(read.at));
            }
            match ready.plan(&rows) {
                Ok(plan) if plan.deployment || plan.product || plan.account => {}
                Ok(_) if ready.apply(&rows, Fresh::default()).is_ok() && ready.w().covers(&read.at) => {
                    ready.read_began(began);
                    return Ok(Some(read.at));
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

    /// Reads what is kept of a known account anew, with the rows that lead there, and keeps what is known of its parts.
    pub(super) async fn reload(
        &self,
        account: &Arc<Account>,
        until: Instant,
    ) -> Result<Option<Vector>, ReplicaError> {
        let since = match account.read().ready() {
            Some(ready) => ready.w(),
            None => return Ok(None),
        };
        let began = self.clock.boottime();
        let read = self
            .within(
                until,
                self.source.load(account.id, Some(since), &self.known_products()),
            )
            .await??;
        let Some(read) = read else {
            self.drop_account(account);
            return Err(ReplicaError::UnknownAccount);
        };
        if !self.saw(&read.epoch) {
            return Ok(None);
        }
        let mut content = read.value.content;
        content.product = self.share_product(content.product);
        let mut state = account.write();
        let Some(ready) = state.ready_mut().filter(|ready| ready.epoch == read.epoch) else {
            return Ok(None);
        };
        if ready.w().covers(&read.at) {
            ready.read_began(began);
            return Ok(Some(read.at));
        }
        let applied = read
            .value
            .rows
            .is_some_and(|rows| ready.apply(&rows, Fresh::whole(content)).is_ok());
        if applied && ready.w() == read.at {
            ready.read_began(began);
            return Ok(Some(read.at));
        }
        drop(state);
        self.drop_account(account);
        Ok(None)
    }

    /// Waits for its turn to read from the database: a herd after a restart is let in little by little.
    pub(super) async fn admit(
        &self,
        until: Instant,
    ) -> Result<tokio::sync::SemaphorePermit<'_>, ReplicaError> {
        match tokio::time::timeout_at(until, self.reads.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(ReplicaError::Overloaded),
        }
    }

    pub(super) async fn within<T>(
        &self,
        until: Instant,
        work: impl Future<Output = T>,
    ) -> Result<T, ReplicaError> {
        tokio::time::timeout_at(until, work)
            .await
            .map_err(|_| ReplicaError::DeadlineExceeded)
    }

    /// Makes room for one more account: of a few looked at, the one goes that was used longest ago.
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

    /// Notes what an account weighs now; where all together weigh too much, those that hold most give way.
    pub(super) fn weigh(&self, account: &Arc<Account>, weight: usize) {
        let before = account.weight.swap(weight, Ordering::Relaxed);
        if weight >= before {
            self.weight.fetch_add(weight - before, Ordering::Relaxed);
        } else {
            self.lighter(before - weight);
        }
        let mut rounds = 0;
        while self.weight.load(Ordering::Relaxed) > self.config.memory && rounds < 64 {
            rounds += 1;
            self.squeeze();
        }
    }

    /// Takes from the account that holds most. With nothing but parts to give it gives parts, else it goes.
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
        // A little more than is needed, so that the next insertions find room.
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
                self.lighter(before.saturating_sub(weight));
            }
            None => self.drop_account(&heaviest),
        }
    }
}
