//! Replicas' connections to the primary.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use bailiwick_authorization_engine::{
    AccountRef, Bound, Content, Epoch, KnownStamps, LastChanges, Listed, ListedQuery, Loaded, Outline,
    OutlineQuery, PartKey, PartsRead, Polled, ProductState, Read, Root, Roots, Row, Source, SourceError,
    Watermark,
};
use bailiwick_policy::PermissionSet;
use bailiwick_types::{AccountId, ProductName, Subject};

use crate::{
    model::{ACCOUNTS, State, name},
    world::{Shared, World, turns},
};

/// A replica's connection to the primary: slow, and sometimes down.
pub(crate) struct Wire {
    pub(crate) world: Shared,
    /// How far it has read, and the stamp of the row there.
    pub(crate) cursor: Mutex<Option<(Epoch, usize, Option<i64>)>>,
    pub(crate) returned: Mutex<Option<(usize, Option<i64>)>>,
    pub(crate) down_until: Mutex<usize>,
    pub(crate) products: Vec<Arc<ProductState>>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    pub(crate) async fn snapshot<T>(&self, look: impl FnOnce(&World) -> T + Send) -> Result<T, SourceError>
    where
        T: Send,
    {
        turns(&self.world, 12).await;
        let value = {
            let mut world = self.world.lock().unwrap();
            let step = world.step;
            let mut down = self.down_until.lock().unwrap();
            if *down > step {
                return Err(SourceError::Unavailable("down".into()));
            }
            if world.dice.below(150) == 0 {
                *down = step + world.dice.below(500);
            }
            look(&world)
        };
        turns(&self.world, 12).await;
        Ok(value)
    }
    pub(crate) fn content(&self, state: &State, account: AccountId) -> Content {
        let product = Arc::clone(&self.products[state.version - 1]);
        let policy = Arc::new(state.policy(&product.product));
        Content {
            deployment: Arc::new(Bound {
                revision: state.deployment,
                sets: HashMap::new(),
            }),
            product,
            product_bound: Arc::new(state.bound()),
            policy,
            places: state.places(account),
        }
    }
}

/// The stamp of the last of so many rows.
fn last_stamp(world: &World, rows: usize) -> Option<i64> {
    Some(world.log.get(rows.checked_sub(1)?)?.stamp)
}

pub(crate) fn rows_since(world: &World, account: AccountId, since: Watermark) -> Vec<Row> {
    let newer = |row: &&Row| match &row.root {
        Root::Deployment => row.revision > since.deployment,
        Root::Product(_) => row.revision > since.product,
        Root::Account(id) => *id == account && row.revision > since.account,
    };
    world.log.iter().filter(newer).cloned().collect()
}

#[async_trait::async_trait]
impl Source for Wire {
    async fn load(
        &self,
        account: AccountId,
        since: Option<Watermark>,
    ) -> Result<Option<Read<Loaded>>, SourceError> {
        self.snapshot(|world| {
            let now = world.now();
            let content = self.content(&now.state, account);
            let rows = since.map(|since| rows_since(world, account, since));
            let at = now.state.watermark(account);
            Some(Read {
                epoch: Arc::clone(&now.epoch),
                at,
                value: Loaded { content, rows },
            })
        })
        .await
    }
    async fn advance(
        &self,
        account: AccountId,
        _: &ProductName,
        since: Watermark,
    ) -> Result<Read<Option<Vec<Row>>>, SourceError> {
        self.snapshot(|world| {
            let now = world.now();
            let rows = rows_since(world, account, since);
            Read {
                epoch: Arc::clone(&now.epoch),
                at: now.state.watermark(account),
                value: Some(rows),
            }
        })
        .await
    }
    async fn parts(&self, of: AccountRef<'_>, keys: &[PartKey]) -> Result<Read<PartsRead>, SourceError> {
        let (account, manifest) = (of.account, of.product.manifest);
        self.snapshot(move |world| {
            let now = world.now();
            let version = now.state.version as u64;
            let parts = if version == manifest {
                now.state.parts(account, keys)
            } else {
                Vec::new()
            };
            let value = PartsRead {
                manifest: version,
                parts,
            };
            Read {
                epoch: Arc::clone(&now.epoch),
                at: now.state.watermark(account),
                value,
            }
        })
        .await
    }
    async fn candidates(
        &self,
        of: AccountRef<'_>,
        _: &str,
        after: &str,
        limit: usize,
    ) -> Result<Read<(Vec<Box<str>>, PartsRead)>, SourceError> {
        let manifest = of.product.manifest;
        self.snapshot(move |world| {
            let now = world.now();
            let ids = now.state.notes_after(of.account, after, limit);
            let names = ids.iter().map(|id| format!("note:{id}"));
            let keys: Vec<PartKey> = names.map(|name| PartKey::Resource(name.into())).collect();
            let version = now.state.version as u64;
            let parts = if version == manifest {
                now.state.parts(of.account, &keys)
            } else {
                Vec::new()
            };
            let read = PartsRead {
                manifest: version,
                parts,
            };
            Read {
                epoch: Arc::clone(&now.epoch),
                at: now.state.watermark(of.account),
                value: (ids, read),
            }
        })
        .await
    }
    async fn listed(
        &self,
        _: AccountId,
        _: &ProductName,
        _: ListedQuery<'_>,
    ) -> Result<Read<Listed>, SourceError> {
        Err(SourceError::Corrupt("the simulated source has no SQL".into()))
    }

    async fn outline(
        &self,
        account: AccountId,
        _: &ProductName,
        query: OutlineQuery<'_>,
    ) -> Result<Read<Outline>, SourceError> {
        // Notes have no parents, and nobody has a grant on their type.
        let covered = query.reaches.iter().map(|_| Vec::new()).collect();
        self.snapshot(move |world| {
            let now = world.now();
            Read {
                epoch: Arc::clone(&now.epoch),
                at: now.state.watermark(account),
                value: Outline {
                    parents: Vec::new(),
                    covered,
                },
            }
        })
        .await
    }
    async fn last_changes(
        &self,
        of: AccountRef<'_>,
        parts: &[(PartKey, Watermark)],
    ) -> Result<Read<LastChanges>, SourceError> {
        let account = of.account;
        self.snapshot(move |world| {
            let now = world.now();
            let keys: Vec<PartKey> = parts.iter().map(|(key, _)| key.clone()).collect();
            let stamp = |root: Root, revision: u64| {
                let row = world
                    .log
                    .iter()
                    .find(|row| row.root == root && row.revision == revision);
                row.map(|row| row.stamp)
            };
            let stamps = parts.iter().map(|(_, at)| KnownStamps {
                deployment: stamp(Root::Deployment, at.deployment),
                product: stamp(Root::Product(name()), at.product),
                account: stamp(Root::Account(account), at.account),
            });
            let value = LastChanges {
                manifest: now.state.version as u64,
                changed: now.state.last_changes(account, &keys),
                stamps: stamps.collect(),
            };
            Read {
                epoch: Arc::clone(&now.epoch),
                at: now.state.watermark(account),
                value,
            }
        })
        .await
    }
    async fn roots(&self, deployment: bool, products: &[ProductName]) -> Result<(Epoch, Roots), SourceError> {
        self.snapshot(|world| {
            let now = world.now();
            let content = self.content(&now.state, ACCOUNTS[0]);
            let products = products
                .iter()
                .map(|_| (content.product.clone(), content.product_bound.clone()));
            let roots = Roots {
                deployment: deployment.then(|| content.deployment.clone()),
                products: products.collect(),
            };
            (Arc::clone(&now.epoch), roots)
        })
        .await
    }
    async fn deployment_of(&self, subject: &Subject) -> Result<(PermissionSet, bool), SourceError> {
        Ok((PermissionSet::empty(subject.clone()), false))
    }
    async fn stands(&self, _: &Subject, _: Option<AccountId>) -> Result<bool, SourceError> {
        Ok(true)
    }
    async fn poll(&self) -> Result<Polled, SourceError> {
        if let Some(upto) = self.returned.lock().unwrap().take()
            && let Some((_, cursor, stamp)) = &mut *self.cursor.lock().unwrap()
        {
            (*cursor, *stamp) = upto;
        }
        let cursor = self.cursor.lock().unwrap().clone();
        let Some((epoch, from, stamp)) = cursor else {
            let epoch = self.restart().await?;
            return Ok(Polled {
                epoch,
                rows: Vec::new(),
            });
        };
        let found = self
            .snapshot(|world| {
                let now = world.now();
                let rows = if now.epoch == epoch && last_stamp(world, from) == stamp {
                    world.log.get(from..).map(<[Row]>::to_vec)
                } else {
                    None
                };
                let end = world.log.len();
                (Arc::clone(&now.epoch), rows, (end, last_stamp(world, end)))
            })
            .await?;
        let (epoch, Some(rows), upto) = found else {
            return Err(SourceError::Refused);
        };
        *self.returned.lock().unwrap() = Some(upto);
        Ok(Polled { epoch, rows })
    }
    async fn restart(&self) -> Result<Epoch, SourceError> {
        let look = |world: &World| {
            let end = world.log.len();
            (Arc::clone(&world.now().epoch), end, last_stamp(world, end))
        };
        let (epoch, end, stamp) = self.snapshot(look).await?;
        *self.cursor.lock().unwrap() = Some((Arc::clone(&epoch), end, stamp));
        *self.returned.lock().unwrap() = None;
        Ok(epoch)
    }
}
