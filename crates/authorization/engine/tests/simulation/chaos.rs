//! The shared cache.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use bailiwick_authorization_engine::{Epoch, Part, PartKey, PartValue, SharedCache, Watermark};
use bailiwick_types::AccountId;

use crate::world::{Shared, turns};

/// A shared cache that cannot be relied on in any way.
pub(crate) struct Chaos {
    pub(crate) world: Shared,
    pub(crate) written: Mutex<BTreeMap<(AccountId, PartKey), Vec<(Epoch, Part)>>>,
}

impl std::fmt::Debug for Chaos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chaos")
    }
}

#[async_trait::async_trait]
impl SharedCache for Chaos {
    async fn get(&self, account: AccountId, keys: &[PartKey]) -> Vec<Option<(Epoch, Part)>> {
        turns(&self.world, 8).await;
        let found = {
            let mut world = self.world.lock().unwrap();
            let written = self.written.lock().unwrap();
            let mut one = |key: &PartKey| {
                let all = written.get(&(account, key.clone()))?;
                match world.dice.below(10) {
                    0 | 1 => None,
                    2..=5 => all.last().cloned(),
                    6..=8 => Some(all[world.dice.below(all.len())].clone()),
                    _ => {
                        // From a future that the primary has never had, with other content.
                        let (epoch, part) = all.last()?.clone();
                        let read_at = Watermark {
                            account: part.read_at.account + 10_000,
                            deployment: part.read_at.deployment + 10_000,
                            ..part.read_at
                        };
                        let value = match part.value {
                            PartValue::Set(set) => PartValue::Set(set),
                            PartValue::Resource(_) => PartValue::Resource(None),
                            PartValue::Closed(closed) => PartValue::Closed(!closed),
                        };
                        Some((
                            epoch,
                            Part {
                                read_at,
                                value,
                                ..part
                            },
                        ))
                    }
                }
            };
            keys.iter().map(&mut one).collect()
        };
        turns(&self.world, 8).await;
        found
    }
    fn remove(&self, _: AccountId, _: Vec<PartKey>) {
        // It does not get there.
    }
    fn put(&self, account: AccountId, epoch: &Epoch, parts: Vec<(PartKey, Part)>) {
        let mut written = self.written.lock().unwrap();
        for (key, part) in parts {
            written
                .entry((account, key))
                .or_default()
                .push((Arc::clone(epoch), part));
        }
    }
}
