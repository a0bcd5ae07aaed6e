//! Follows authorization's own outbox: hints make it fast, polling makes it correct.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use bailiwick_types::{AccountId, ProductName, ScopeRoot};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Polls, Replica,
    entry::Account,
    ready::{Broken, Fresh},
};
use crate::{Bound, ProductState, ReplicaError, Root, Row, SourceError};

/// The greatest number of accounts that one poll reads again because their roles or settings changed. Further
/// ones are dropped and load when they are asked about.
const RELOADS: usize = 32;
/// How often a poll is repeated because the bindings of deployment or products have changed meanwhile.
const ROUNDS: usize = 5;

/// Deployment and products as they were read again.
#[derive(Debug, Default)]
struct RootsNow {
    deployment: Option<Arc<Bound>>,
    products: BTreeMap<ProductName, (Arc<ProductState>, Arc<Bound>)>,
}

impl Replica {
    /// Follows the outbox until `stop` is cancelled. `hints` change whenever something may have been
    /// committed.
    pub async fn run(self: Arc<Self>, mut hints: watch::Receiver<u64>, stop: CancellationToken) {
        loop {
            if let Err(error) = self.poll().await
                && self.polls.borrow().failing.is_power_of_two()
            {
                let failures = self.polls.borrow().failing;
                tracing::warn!(error = %error, failures, "cannot poll the outbox; retrying");
            }
            let pause = tokio::time::sleep(self.config.poll_interval);
            tokio::select! {
                () = stop.cancelled() => return,
                () = pause => {}
                () = self.nudge.notified() => {}
                changed = hints.changed() => {
                    if changed.is_err() {
                        // No more hints: only the interval is left.
                        tokio::select! {
                            () = stop.cancelled() => return,
                            () = tokio::time::sleep(self.config.poll_interval) => {}
                        }
                    }
                }
            }
        }
    }

    /// Polls the primary once and applies the rows that it returns.
    ///
    /// # Errors
    /// The primary does not answer; local data ages meanwhile.
    pub async fn poll(&self) -> Result<(), ReplicaError> {
        let _one = self.polling.lock().await;
        self.step.fetch_add(1, Ordering::Relaxed);
        let began = self.clock.boottime();
        match self.poll_alone().await {
            Ok(()) => {
                let micros = u64::try_from(began.as_micros()).unwrap_or(u64::MAX - 1);
                self.polled_at.store(micros + 1, Ordering::Release);
                self.polls.send_modify(|polls| {
                    *polls = Polls {
                        done: polls.done + 1,
                        failing: 0,
                    }
                });
                Ok(())
            }
            Err(error) => {
                self.polls.send_modify(|polls| polls.failing += 1);
                Err(error)
            }
        }
    }

    async fn poll_alone(&self) -> Result<(), ReplicaError> {
        let mut rows: Vec<Arc<Row>> = Vec::new();
        for _ in 0..ROUNDS {
            let polled = match self.source.poll().await {
                Ok(polled) => polled,
                Err(SourceError::Refused) => {
                    // Another history, or a gap in this one: local data cannot be brought up to date.
                    let epoch = self.source.restart().await?;
                    if self.observe_epoch(&epoch) {
                        tracing::warn!(
                            "the outbox does not continue from where it was read: dropping all accounts"
                        );
                        self.drop_all();
                    }
                    return Ok(());
                }
                Err(error) => {
                    // Rows of an earlier round will not be returned again: no account may miss them.
                    if !rows.is_empty() {
                        self.drop_all();
                    }
                    return Err(error.into());
                }
            };
            if !self.observe_epoch(&polled.epoch) {
                let epoch = self.source.restart().await?;
                self.observe_epoch(&epoch);
                return Ok(());
            }
            rows.extend(polled.rows.into_iter().map(Arc::new));
            if let Some(roots) = self.roots_at(&rows).await {
                self.spread(&rows, &roots).await;
                return Ok(());
            }
        }
        // Deployment or product change faster than they can be read.
        self.drop_all();
        Ok(())
    }

    /// Reads the bindings of deployment and products where rows changed them. `None` where they were read at
    /// another revision than that of the rows: further rows have to be polled first.
    async fn roots_at(&self, rows: &[Arc<Row>]) -> Option<RootsNow> {
        let mut now = RootsNow::default();
        let mut names = BTreeSet::new();
        let mut deployment = false;
        let mut last: BTreeMap<Option<ProductName>, u64> = BTreeMap::new();
        for row in rows {
            let key = match &row.root {
                Root::Deployment => None,
                Root::Product(name) => Some(name.clone()),
                Root::Account(_) => continue,
            };
            if row.has_content() {
                match &key {
                    None => deployment = true,
                    Some(name) => {
                        names.insert(name.clone());
                    }
                }
            }
            let at = last.entry(key).or_default();
            *at = (*at).max(row.revision);
        }
        // Products without an account here need not be read.
        {
            let known = self.products.lock().unwrap_or_else(PoisonError::into_inner);
            names.retain(|name| known.contains(name));
        }
        if self.accounts.is_empty() || (!deployment && names.is_empty()) {
            return Some(now);
        }
        let names: Vec<ProductName> = names.into_iter().collect();
        let (epoch, roots) = match self.source.roots(deployment, &names).await {
            Ok(read) => read,
            Err(error) => {
                let detail = error.detail();
                tracing::warn!(error = %detail, "cannot read the bindings of the roots; dropping all accounts");
                self.drop_all();
                return Some(now);
            }
        };
        if !self.observe_epoch(&epoch) {
            return Some(now);
        }
        let same = |key: &Option<ProductName>, bound: &Bound| last.get(key) == Some(&bound.revision);
        if let Some(bound) = roots.deployment {
            if !same(&None, &bound) {
                return None;
            }
            now.deployment = Some(bound);
        }
        for (product, bound) in roots.products {
            if !same(&Some(product.name.clone()), &bound) {
                return None;
            }
            now.products.insert(product.name.clone(), (product, bound));
        }
        Some(now)
    }

    /// Applies rows to every account that they affect.
    async fn spread(&self, rows: &[Arc<Row>], roots: &RootsNow) {
        if rows.is_empty() {
            return;
        }
        let mut by_account: BTreeMap<AccountId, Vec<Arc<Row>>> = BTreeMap::new();
        let mut common: Vec<Arc<Row>> = Vec::new();
        for row in rows {
            match &row.root {
                Root::Account(id) => by_account.entry(*id).or_default().push(Arc::clone(row)),
                Root::Deployment | Root::Product(_) => common.push(Arc::clone(row)),
            }
        }
        let affected: Vec<Arc<Account>> = {
            let accounts = self.accounts.pin();
            if common.is_empty() {
                by_account
                    .keys()
                    .filter_map(|id| accounts.get(id).cloned())
                    .collect()
            } else {
                accounts.values().cloned().collect()
            }
        };
        let mut reloads = Vec::new();
        for account in affected {
            let mut own = common.clone();
            own.extend(by_account.get(&account.id).into_iter().flatten().cloned());
            match self.spread_one(&account, &own, roots) {
                Ok(true) => {}
                Ok(false) => reloads.push(account),
                Err(Broken::OtherHistory) => self.contradicted(&account),
                Err(Broken::Incomplete) => {
                    tracing::warn!(account.id = %account.id, "cannot apply changes; dropping the account");
                    self.drop_account(&account);
                }
            }
        }
        let until = Instant::now() + self.config.deadline;
        for (n, account) in reloads.into_iter().enumerate() {
            let done = if n < RELOADS {
                self.reload(&account, until).await.is_ok_and(|at| at.is_some())
            } else {
                false
            };
            if !done {
                self.drop_account(&account);
            }
        }
    }

    /// Applies rows to one account; `false` where its roles or settings have to be read again first.
    fn spread_one(&self, account: &Account, rows: &[Arc<Row>], roots: &RootsNow) -> Result<bool, Broken> {
        let mut state = account.write();
        state.keep(rows);
        let Some(ready) = state.ready_mut() else {
            return Ok(true);
        };
        let outdated = ready.outdated_by(rows.iter().map(|row| &**row))?;
        if outdated.account {
            return Ok(false);
        }
        let mut fresh = Fresh::default();
        if outdated.deployment {
            fresh.deployment = Some(roots.deployment.clone().ok_or(Broken::Incomplete)?);
        }
        if outdated.product {
            let found = roots.products.get(&ready.content.product.name).cloned();
            let (product, bound) = found.ok_or(Broken::Incomplete)?;
            let is_other = product.manifest != ready.content.product.manifest;
            // The account's own roles have to be compiled under the other manifest: that is done by who reads
            // them, and not here, where everybody waits.
            if is_other && ready.content.policy.has_own_roles() {
                return Ok(false);
            }
            fresh.product = Some((product, bound));
        }
        ready.apply(rows.iter().map(|row| &**row), fresh)?;
        Ok(true)
    }

    /// Waits for the first successful poll.
    pub(crate) async fn wait_for_polls(&self, until: Instant) -> Result<(), ReplicaError> {
        if self.polled_at.load(Ordering::Acquire) != 0 {
            return Ok(());
        }
        let mut polls = self.polls.subscribe();
        self.nudge.notify_one();
        let until = until.min(Instant::now() + self.config.patience);
        let polled = |_: &Polls| self.polled_at.load(Ordering::Acquire) != 0;
        match tokio::time::timeout_at(until, polls.wait_for(polled)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(ReplicaError::TooStale),
        }
    }

    /// Waits for a poll where the last one is too long ago although none has failed: the machine was
    /// suspended, or the poller is late.
    pub(crate) async fn wait_for_fresh(&self, until: Instant) -> Result<(), ReplicaError> {
        let mut polls = self.polls.subscribe();
        let before = *polls.borrow_and_update();
        if before.failing > 0 {
            return Err(ReplicaError::TooStale);
        }
        self.nudge.notify_one();
        let until = until.min(Instant::now() + self.config.patience);
        let done = |polls: &Polls| polls.done > before.done || polls.failing > 0;
        match tokio::time::timeout_at(until, polls.wait_for(done)).await {
            Ok(Ok(polls)) if polls.done > before.done => Ok(()),
            _ => Err(ReplicaError::TooStale),
        }
    }

    /// Whether data that was confirmed at `read_at` on the boot clock, or by the last poll, exceeds the
    /// staleness bound.
    pub(crate) fn is_stale(&self, read_at: Duration) -> bool {
        let polled = Duration::from_micros(self.polled_at.load(Ordering::Acquire).saturating_sub(1));
        self.clock.boottime().saturating_sub(polled.max(read_at)) > self.config.staleness
    }

    /// Whether the last poll of the primary is within the staleness bound. Where it is not, decisions are
    /// refused.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.polled_at.load(Ordering::Acquire) != 0 && !self.is_stale(Duration::ZERO)
    }

    /// Makes a commit of this process visible here before the writer answers.
    pub async fn applied(&self, root: &ScopeRoot, revision: u64) {
        self.nudge.notify_one();
        let ScopeRoot::Account(id) = root else {
            let until = Instant::now() + self.config.patience;
            // Best effort: tokens make the write visible where this wait is too short.
            let _ = self.wait_for_fresh(until).await;
            return;
        };
        let Some(account) = self.known_account(*id) else {
            return;
        };
        let behind = account
            .read()
            .ready()
            .is_some_and(|ready| ready.watermark().account < revision);
        if behind {
            let until = Instant::now() + self.config.patience;
            if let Err(error) = self.advance(&account, until).await {
                tracing::debug!(error = %error, "a committed write is not visible here yet");
            }
        }
    }
}
