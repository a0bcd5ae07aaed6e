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
            self.fill_from_shared(account, keys, local).await
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
    ) -> Vec<PartKey> {
        let Some(shared) = &self.shared else { return keys };
        let (ask, mut rest): (Vec<PartKey>, Vec<PartKey>) =
            keys.into_iter().partition(|key| !local.asked.contains(key));
        if ask.is_empty() {
            return rest;
        }
        let Some((epoch, product, policy)) = self.content_of(account) else {
            return rest;
        };
        local.asked.extend(ask.iter().cloned());
        let found = shared.get(account.id, &ask).await;
        let mut keep = false;
        for (n, key) in ask.into_iter().enumerate() {
            let part = found.get(n).cloned().flatten();
            let good = part
                .filter(|(of, part)| **of == *epoch && part.manifest == product.manifest)
                .map(|(of, part)| {
                    let origin = Origin::Shared;
                    (of, Part { origin, ..part }.retype(&policy))
                });
            let state = account.read();
            let verdict = match (&good, state.ready()) {
                (Some((_, part)), Some(ready)) => ready.test(key.borrowed(), part),
                _ => Verdict::Stale,
            };
            drop(state);
            match (good, verdict) {
                (Some((_, part)), Verdict::Valid | Verdict::Ahead | Verdict::Before) => {
                    keep |= verdict == Verdict::Valid;
                    local.parts.insert(key, part);
                }
                _ => rest.push(key),
            }
        }
        if keep {
            self.keep(account, &epoch, local);
        }
        rest
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
        let read = self.within(until, self.source.parts(of, keys)).await??;
        if !self.observe_epoch(&read.epoch) || *read.epoch != *epoch {
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
        let read = self.within(until, self.source.last_changes(of, keys)).await??;
        if !self.observe_epoch(&read.epoch) || *read.epoch != *epoch {
            return Ok(());
        }
        let (manifest, changes) = read.value;
        for (key, changed) in keys.iter().zip(changes) {
            let kept = || {
                account
                    .read()
                    .ready()
                    .and_then(|ready| ready.parts.get(key.borrowed()).cloned())
            };
            let part = local.parts.remove(key).or_else(kept);
            match part {
                Some(part)
                    if changed <= part.read_at.account
                        && part.manifest == manifest
                        && read.at.covers(&part.read_at) =>
                {
                    local.parts.insert(
                        key.clone(),
                        Part {
                            read_at: read.at,
                            ..part
                        },
                    );
                }
                _ => {
                    // Outdated here, so it would be outdated in the shared cache too.
                    local.asked.insert(key.clone());
                    if let Some(ready) = account.write().ready_mut() {
                        ready.parts.remove(key.borrowed());
                    }
                }
            }
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
