//! Reading parts that are missing: from the second cache, else from the primary.

use std::sync::Arc;

use bailiwick_policy::AccountPolicy;
use tokio::time::Instant;

use super::{
    AccountOf, Epoch, ProductState, Replica, ReplicaError, Vector,
    account::Account,
    changes::Verdict,
    gather::{Local, Wants},
};
use crate::cache::{Part, PartKey};

impl Replica {
    /// Reads what an answer lacks.
    pub(super) async fn fetch(
        &self,
        account: &Arc<Account>,
        wants: Wants,
        local: &mut Local,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        if let Some(ahead) = wants.ahead {
            match self.advance(account, until).await? {
                Some(at) if at.covers(&ahead) => {}
                // Nothing can have been read where the primary has never been: it was set back, or the cache lies.
                Some(at) => self.forget_above(account, at, local),
                None => return Ok(()),
            }
        }
        if !wants.before.is_empty() {
            self.lift(account, &wants.before, local, until).await?;
        }
        if wants.missing.is_empty() {
            return Ok(());
        }
        let (flight, others) = account.flights.begin(wants.missing);
        if !flight.keys.is_empty() {
            self.fill(account, flight.keys.clone(), local, until).await?;
        }
        drop(flight);
        for mut other in others {
            // The sender never sends: it is dropped when the other fill is over, whatever came of it.
            let _ = self.within(until, other.changed()).await?;
        }
        Ok(())
    }

    /// Reads everything that an answer looked at in one snapshot, together with what belongs to it.
    pub(super) async fn fetch_all(
        &self,
        account: &Arc<Account>,
        mut keys: Vec<PartKey>,
        local: &mut Local,
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
        local: &mut Local,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let rest = self.fill_from_second(account, keys, local).await;
        if !rest.is_empty() {
            self.read_parts(account, &rest, local, until).await?;
        }
        Ok(())
    }

    /// Asks the second cache; returns the keys that it does not help with. It holds no truth: whatever it says is
    /// tested like a part that was read at that point, and what is of another epoch or manifest is no answer.
    async fn fill_from_second(
        &self,
        account: &Arc<Account>,
        keys: Vec<PartKey>,
        local: &mut Local,
    ) -> Vec<PartKey> {
        let Some(second) = &self.second else { return keys };
        let (ask, mut rest): (Vec<PartKey>, Vec<PartKey>) =
            keys.into_iter().partition(|key| !local.asked.contains(key));
        if ask.is_empty() {
            return rest;
        }
        let Some((epoch, product, _)) = self.standing_of(account) else {
            return rest;
        };
        local.asked.extend(ask.iter().cloned());
        let found = second.get(account.id, &ask).await;
        let mut keep = false;
        for (n, key) in ask.into_iter().enumerate() {
            let part = found.get(n).cloned().flatten();
            let good = part.filter(|(of, part)| **of == *epoch && part.manifest == product.manifest);
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

    /// Reads parts of the primary, with those that belong to them, in one snapshot.
    async fn read_parts(
        &self,
        account: &Arc<Account>,
        keys: &[PartKey],
        local: &mut Local,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let _permit = self.admit(until).await?;
        let Some((epoch, product, policy)) = self.standing_of(account) else {
            return Ok(());
        };
        let of = AccountOf {
            account: account.id,
            product: &product,
            policy: &policy,
        };
        let read = self.within(until, self.source.parts(of, keys)).await??;
        if !self.saw(&read.epoch) || *read.epoch != *epoch {
            return Ok(());
        }
        if read.value.manifest != product.manifest {
            // The product has moved on: W has to follow before names can be turned into numbers.
            self.advance(account, until).await?;
            return Ok(());
        }
        let mut written = Vec::with_capacity(read.value.parts.len());
        for (key, value) in read.value.parts {
            let part = Part {
                read_at: read.at,
                manifest: read.value.manifest,
                value,
            };
            if self.second.is_some() {
                written.push((key.clone(), part.clone()));
            }
            local.parts.insert(key, part);
        }
        let behind = account
            .read()
            .ready()
            .is_some_and(|ready| !ready.w().covers(&read.at));
        if behind {
            self.advance(account, until).await?;
        }
        self.keep(account, &epoch, local);
        if let Some(second) = &self.second {
            // What it may be too old for by now does no harm there: it is written only over what is older still.
            second.put(account.id, &epoch, written);
        }
        Ok(())
    }

    /// Asks the primary about parts that were read before B: what has not changed since is good as of that moment, and
    /// never as of W.
    async fn lift(
        &self,
        account: &Arc<Account>,
        keys: &[PartKey],
        local: &mut Local,
        until: Instant,
    ) -> Result<(), ReplicaError> {
        let _permit = self.admit(until).await?;
        let Some((epoch, product, policy)) = self.standing_of(account) else {
            return Ok(());
        };
        let of = AccountOf {
            account: account.id,
            product: &product,
            policy: &policy,
        };
        let read = self.within(until, self.source.last_changes(of, keys)).await??;
        if !self.saw(&read.epoch) || *read.epoch != *epoch {
            return Ok(());
        }
        let (manifest, changes) = read.value;
        for (key, changed) in keys.iter().zip(changes) {
            let shared = || {
                account
                    .read()
                    .ready()
                    .and_then(|ready| ready.parts.get(key.borrowed()).cloned())
            };
            let part = local.parts.remove(key).or_else(shared);
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
                    // It is of no use here, nor would it be from the second cache.
                    local.asked.insert(key.clone());
                    if let Some(ready) = account.write().ready_mut() {
                        ready.parts.remove(key.borrowed());
                    }
                }
            }
        }
        let behind = account
            .read()
            .ready()
            .is_some_and(|ready| !ready.w().covers(&read.at));
        if behind {
            self.advance(account, until).await?;
        }
        self.keep(account, &epoch, local);
        Ok(())
    }

    /// The epoch and the product that an account is known at.
    fn standing_of(&self, account: &Account) -> Option<(Epoch, Arc<ProductState>, Arc<AccountPolicy>)> {
        let state = account.read();
        let ready = state.ready()?;
        let content = &ready.content;
        Some((
            Arc::clone(&ready.epoch),
            Arc::clone(&content.product),
            Arc::clone(&content.policy),
        ))
    }

    /// Puts into L1 what a request has read and what is valid now.
    fn keep(&self, account: &Arc<Account>, epoch: &Epoch, local: &Local) {
        let weight = {
            let mut state = account.write();
            let Some(ready) = state.ready_mut().filter(|ready| ready.epoch == *epoch) else {
                return;
            };
            for (key, part) in &local.parts {
                let newer = |kept: &Part| kept.read_at.covers(&part.read_at);
                if ready.test(key.borrowed(), part) == Verdict::Valid
                    && !ready.parts.get(key.borrowed()).is_some_and(newer)
                {
                    ready.parts.insert(key.clone(), part.clone());
                }
            }
            ready.weight()
        };
        self.weigh(account, weight);
    }

    fn forget_above(&self, account: &Arc<Account>, at: Vector, local: &mut Local) {
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
