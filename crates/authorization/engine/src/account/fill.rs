//! Reads missing parts: from the shared cache, else from the primary.

use std::sync::Arc;

use bailiwick_policy::AccountPolicy;
use tokio::time::Instant;

use super::{
    Replica,
    changes::Verdict,
    entry::Account,
    gather::{LocalParts, MissingParts},
    ready::Ready,
    trail::History,
};
use crate::{
    AccountRef, Epoch, ProductState, ReplicaError, Watermark,
    parts::{Origin, Part, PartKey},
};

impl Replica {
    /// Reads the parts that an answer lacks.
    pub(crate) async fn fetch(
        &self,
        account: &Arc<Account>,
        missing: MissingParts,
        local: &mut LocalParts,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        if let Some(ahead) = missing.ahead {
            match self.advance(account, until).await? {
                Some(at) if at.covers(&ahead) => {}
                // The primary has never been where a part claims to have been read: it was restored to an
                // earlier state, or the shared cache is wrong.
                Some(at) => self.forget_above(account, at, local),
                None => return Ok(()),
            }
        }
        if !missing.revalidate.is_empty() {
            self.revalidate(account, &missing.revalidate, local, until)
                .await?;
        }
        if !missing.retype.is_empty() {
            self.retype(account, &missing.retype, local);
        }
        if missing.read.is_empty() {
            return Ok(());
        }
        let (flight, others) = account.flights.begin(missing.read);
        if !flight.keys.is_empty() {
            self.fill(account, flight.keys.clone(), local, until).await?;
        }
        drop(flight);
        for mut other in others {
            // The sender never sends: it is dropped when the other fill ends, with whatever result.
            let _ = self.within(until, other.changed()).await?;
        }
        Ok(())
    }

    /// Reads all parts that an answer used in one snapshot.
    pub(crate) async fn fetch_all(
        &self,
        account: &Arc<Account>,
        mut keys: Vec<PartKey>,
        local: &mut LocalParts,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        keys.sort();
        keys.dedup();
        local.parts.clear();
        self.read_parts(account, &keys, local, until).await
    }

    async fn fill(
        &self,
        account: &Arc<Account>,
        keys: Vec<PartKey>,
        local: &mut LocalParts,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let rest = if local.primary_only {
            keys
        } else {
            self.fill_from_shared(account, keys, local, until).await?
        };
        if !rest.is_empty() {
            self.read_parts(account, &rest, local, until).await?;
        }
        Ok(())
    }

    /// Asks the shared cache; returns the keys that are left to read. It holds no truth: its parts are
    /// validated like all others, and one of another epoch or manifest is a miss.
    async fn fill_from_shared(
        &self,
        account: &Arc<Account>,
        keys: Vec<PartKey>,
        local: &mut LocalParts,
        until: Instant,
    ) -> Result<Vec<PartKey>, ReplicaError> {
        let Some(shared) = &self.shared else {
            return Ok(keys);
        };
        let (ask, mut rest): (Vec<PartKey>, Vec<PartKey>) =
            keys.into_iter().partition(|key| !local.asked.contains(key));
        if ask.is_empty() {
            return Ok(rest);
        }
        let Some((epoch, product, policy)) = self.content_of(account) else {
            return Ok(rest);
        };
        local.asked.extend(ask.iter().cloned());
        let found = shared.get(account.id, &ask).await;
        let mut known: Vec<(PartKey, Part)> = Vec::new();
        for (n, key) in ask.into_iter().enumerate() {
            let part = found.get(n).cloned().flatten();
            match part.filter(|(of, part)| **of == *epoch && part.manifest == product.manifest) {
                Some((_, part)) => {
                    let origin = Origin::Shared;
                    known.push((key, Part { origin, ..part }.retype(&policy)));
                }
                None => rest.push(key),
            }
        }
        let ahead = |ready: &Ready| {
            known
                .iter()
                .any(|(_, part)| !ready.watermark().covers(&part.read_at))
        };
        if account.read().ready().is_some_and(ahead) {
            self.advance(account, until).await?;
        }
        let (mut lost, mut doubtful, mut keep) = (Vec::new(), Vec::new(), false);
        for (key, part) in known {
            let state = account.read();
            let Some(ready) = state.ready() else {
                rest.push(key);
                continue;
            };
            match (ready.test(key.borrowed(), &part), ready.history_of(&part)) {
                // The primary has never been where it claims to have been read, or was there otherwise.
                (Verdict::Ahead, _) | (_, History::Lost) => {
                    lost.push(key.clone());
                    rest.push(key);
                }
                (Verdict::Valid | Verdict::Untyped, History::Same) => {
                    keep = true;
                    local.parts.insert(key, part);
                }
                (Verdict::Valid | Verdict::Untyped | Verdict::Before, _) if ready.trusts_shared(&part) => {
                    local.parts.insert(key.clone(), part);
                    doubtful.push(key);
                }
                _ => rest.push(key),
            }
        }
        if !lost.is_empty() {
            self.shared_contradicts(account, lost, until).await?;
        }
        if !doubtful.is_empty() {
            self.revalidate(account, &doubtful, local, until).await?;
            rest.extend(doubtful.into_iter().filter(|key| !local.parts.contains_key(key)));
        }
        if keep {
            self.keep(account, &epoch, local);
        }
        Ok(rest)
    }

    /// Reads parts from the primary in one snapshot, with the groups of subjects and the parents of
    /// resources.
    async fn read_parts(
        &self,
        account: &Arc<Account>,
        keys: &[PartKey],
        local: &mut LocalParts,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let _permit = self.admit(until).await?;
        let Some((epoch, product, policy)) = self.content_of(account) else {
            return Ok(());
        };
        let of = AccountRef {
            account: account.id,
            product: &product,
        };
        let before = account.read().ready().map(Ready::watermark);
        let read = self.within(until, self.source.parts(of, keys)).await??;
        if !self.observe_epoch(&read.epoch) || *read.epoch != *epoch {
            return Ok(());
        }
        if before.is_some_and(|before| !self.continues(account, &before, &read.at)) {
            return Ok(());
        }
        if read.value.manifest != product.manifest {
            // The product has a newer manifest: the watermark has to reach it before parts can be read by it.
            self.advance(account, until).await?;
            return Ok(());
        }
        let parts: Vec<(PartKey, Part)> = read.value.into_parts(read.at, &policy).collect();
        local.parts.extend(parts.iter().cloned());
        self.catch_up(account, &read.at, until).await?;
        self.keep(account, &epoch, local);
        if let Some(shared) = &self.shared {
            // Parts that are outdated by now do no harm there: a part only replaces an older one.
            shared.put(account.id, &epoch, parts);
        }
        Ok(())
    }

    /// Asks the primary for the last change of parts that were read before the base: one that has not changed
    /// since it was read is valid as of this read, never as of the watermark.
    async fn revalidate(
        &self,
        account: &Arc<Account>,
        keys: &[PartKey],
        local: &mut LocalParts,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let _permit = self.admit(until).await?;
        let Some((epoch, product, _)) = self.content_of(account) else {
            return Ok(());
        };
        let of = AccountRef {
            account: account.id,
            product: &product,
        };
        let (parts, before) = {
            let state = account.read();
            let Some(ready) = state.ready() else {
                return Ok(());
            };
            let part = |key: &PartKey| {
                let kept = || ready.parts.get(key.borrowed()).cloned();
                let part = local.parts.remove(key).or_else(kept)?;
                Some((key.clone(), part))
            };
            let parts: Vec<(PartKey, Part)> = keys.iter().filter_map(part).collect();
            (parts, ready.watermark())
        };
        let asked: Vec<(PartKey, Watermark)> = parts
            .iter()
            .map(|(key, part)| (key.clone(), part.read_at))
            .collect();
        if asked.is_empty() {
            return Ok(());
        }
        let read = self.within(until, self.source.last_changes(of, &asked)).await??;
        if !self.observe_epoch(&read.epoch) || *read.epoch != *epoch {
            return Ok(());
        }
        if !self.continues(account, &before, &read.at) {
            return Ok(());
        }
        let mut lost = Vec::new();
        let changes = read.value.changed.iter().zip(&read.value.stamps);
        for ((key, part), (changed, stamps)) in parts.into_iter().zip(changes) {
            let history = History::of_part(part.closed().is_some(), &part.read_at, &read.at, *stamps);
            if history == History::Same
                && *changed <= part.revision()
                && part.manifest == read.value.manifest
                && read.at.covers(&part.read_at)
            {
                let read_at = read.at;
                local.parts.insert(key, Part { read_at, ..part });
                continue;
            }
            // Outdated here, so it would be outdated in the shared cache too.
            local.asked.insert(key.clone());
            if let Some(ready) = account.write().ready_mut() {
                ready.parts.remove(key.borrowed());
            }
            if history == History::Lost {
                lost.push(key);
            }
        }
        if !lost.is_empty() {
            self.shared_contradicts(account, lost, until).await?;
        }
        self.catch_up(account, &read.at, until).await?;
        self.keep(account, &epoch, local);
        Ok(())
    }

    /// Advances an account that is behind the point at which something was read.
    async fn catch_up(
        &self,
        account: &Arc<Account>,
        at: &Watermark,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let ready = |ready: &Ready| !ready.watermark().covers(at);
        let behind = account.read().ready().is_some_and(ready);
        if behind {
            self.advance(account, until).await?;
        }
        Ok(())
    }

    /// Types parts for the account's policy, which has another schema than the one they were typed by.
    fn retype(&self, account: &Arc<Account>, keys: &[PartKey], local: &mut LocalParts) {
        let epoch = {
            let mut state = account.write();
            let Some(ready) = state.ready_mut() else { return };
            let policy = Arc::clone(&ready.content.policy);
            for key in keys {
                if let Some(part) = local.parts.remove(key) {
                    local.parts.insert(key.clone(), part.retype(&policy));
                }
                if let Some(part) = ready.parts.get(key.borrowed()).cloned() {
                    ready.parts.insert(key.clone(), part.retype(&policy));
                }
            }
            Arc::clone(&ready.epoch)
        };
        self.keep(account, &epoch, local);
    }

    /// The epoch, product and policy of a known account.
    fn content_of(&self, account: &Account) -> Option<(Epoch, Arc<ProductState>, Arc<AccountPolicy>)> {
        let state = account.read();
        let ready = state.ready()?;
        let content = &ready.content;
        Some((
            Arc::clone(&ready.epoch),
            Arc::clone(&content.product),
            Arc::clone(&content.policy),
        ))
    }

    /// Puts the parts that a request has read into L1, where they are valid now.
    fn keep(&self, account: &Arc<Account>, epoch: &Epoch, local: &LocalParts) {
        let weight = {
            let mut state = account.write();
            let Some(ready) = state.ready_mut().filter(|ready| ready.epoch == *epoch) else {
                return;
            };
            for (key, part) in &local.parts {
                let better = |kept: &Part| {
                    kept.read_at.covers(&part.read_at)
                        && (kept.origin == Origin::Primary || part.origin == Origin::Shared)
                };
                if ready.test(key.borrowed(), part) == Verdict::Valid
                    && !ready.parts.get(key.borrowed()).is_some_and(better)
                {
                    ready.parts.insert(key.clone(), part.clone());
                }
            }
            ready.weight()
        };
        self.weigh(account, weight);
    }

    /// Forgets the parts that claim to have been read after `at`.
    fn forget_above(&self, account: &Arc<Account>, at: Watermark, local: &mut LocalParts) {
        local.parts.retain(|key, part| {
            let stays = at.covers(&part.read_at);
            if !stays {
                local.asked.insert(key.clone());
            }
            stays
        });
        let keys: Vec<PartKey> = local.asked.iter().cloned().collect();
        let mut state = account.write();
        if let Some(ready) = state.ready_mut() {
            for key in keys {
                if ready
                    .parts
                    .get(key.borrowed())
                    .is_some_and(|part| !at.covers(&part.read_at))
                {
                    ready.parts.remove(key.borrowed());
                }
            }
        }
    }
}
