//! Hot loading: the statements that a replica reads the primary with, and the sets, resources and policies that their
//! rows make. Each statement names its account in its text and returns the epoch and the point E it was read at.

mod code;
mod content;
mod event;
mod lists;
mod outline;
pub(crate) mod people;
#[cfg(test)]
mod plans;
mod resources;
mod sets;
pub(crate) mod snapshot;

use std::sync::Arc;

use bailiwick_policy::PermissionSet;
use bailiwick_sql::{Cursor, Db, Error, Poll, Poller, ReadTx, epoch_sql, statement};
use bailiwick_types::{AccountId, GroupId, ProductName, ScopeRoot, Service, Subject};
use sea_orm::{ConnectionTrait, DbBackend, QueryResult, Value};
use tokio::sync::Mutex;

pub(crate) use lists::Lists;

use crate::{
    cache::{PartKey, PartValue},
    replica::{
        AccountOf, Arrivals, Arrived, Epoch, Loaded, Outline, OutlineOf, PartsRead, Polled, ProductState,
        Read, Root, Roots, Row, Source, SourceError, Vector,
    },
};

/// Rows that one poll reads at a time.
const POLL: u32 = 2_000;
/// Rows of a root that are read on from where an account is; with more it is read anew.
const FORWARD: u32 = 2_000;
/// Polls of one round: a replica that is further behind begins anew.
const POLLS: usize = 100;

impl From<Error> for SourceError {
    fn from(error: Error) -> Self {
        match error {
            Error::Cursor(_) => Self::Refused,
            Error::Corrupt(_) | Error::Internal(_) | Error::Schema(_) | Error::Refused(_) => {
                Self::Corrupt(error.detail())
            }
            other => Self::Unavailable(other.detail()),
        }
    }
}

/// Authorization's own database as the source of a replica.
#[derive(Debug)]
pub struct SqlSource {
    db: Db,
    feed: Mutex<Following>,
}

#[derive(Debug, Default)]
struct Following {
    poller: Option<Poller>,
    /// What was returned and counts as applied with the next call.
    returned: Vec<Poll>,
}

impl SqlSource {
    /// Reads this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            feed: Mutex::default(),
        }
    }

    async fn begin(&self, following: &mut Following) -> Result<Epoch, SourceError> {
        following.poller = None;
        following.returned.clear();
        let cursor: Cursor = self.db.feed().head().await?;
        let epoch = Arc::clone(&cursor.epoch);
        following.poller = Some(Poller::new(cursor));
        Ok(epoch)
    }

    async fn sets(
        &self,
        conn: &impl ConnectionTrait,
        of: AccountOf<'_>,
        seeds: Vec<String>,
        user: Option<bailiwick_types::UserId>,
    ) -> Result<Read<PartsRead>, SourceError> {
        let sql = sets::sql(self.db.backend(), &stamp(self.db.backend(), 4));
        let mut values = sets::values(of.account, &seeds, user);
        values.extend(stamp_values(of));
        let rows = conn
            .query_all_raw(statement(conn, sql, values))
            .await
            .map_err(Error::from)?;
        let first = rows
            .iter()
            .find(|row| row.try_get::<i32>("", "kind").ok() == Some(0) || kind_of(row) == Some(0));
        let first = first.ok_or_else(no_stamp)?;
        let epoch: String = first.try_get("", "subject").map_err(Error::from)?;
        let epoch = self.db.saw_epoch(&epoch)?;
        let n = |column: &str| content::number(first, column);
        let at = Vector {
            deployment: n("a")?,
            product: n("b")?,
            account: n("c")?,
        };
        let manifest = n("d")?;
        if manifest != of.product.manifest {
            return Ok(Read {
                epoch,
                at,
                value: PartsRead {
                    manifest,
                    parts: Vec::new(),
                },
            });
        }
        let read = sets::read(&rows, of.policy, user, &seeds)?;
        let mut parts = Vec::with_capacity(read.sets.len());
        for (subject, id, set) in read.sets {
            let disabled = read.disabled && user.is_some_and(|user| Subject::user(user) == subject);
            let key = match id.or_else(|| group_of(&subject)) {
                Some(id) => PartKey::Group(id.as_u128()),
                None => PartKey::Subject(subject.as_str().into()),
            };
            parts.push((
                key,
                PartValue::Set {
                    set: Arc::new(set),
                    disabled,
                },
            ));
        }
        Ok(Read {
            epoch,
            at,
            value: PartsRead { manifest, parts },
        })
    }

    async fn resources(
        &self,
        conn: &impl ConnectionTrait,
        of: AccountOf<'_>,
        keys: &[&str],
    ) -> Result<Read<PartsRead>, SourceError> {
        let sql = resources::sql(self.db.backend(), &stamp(self.db.backend(), 3));
        let mut values = resources::values(of.account, keys.iter().copied());
        values.extend(stamp_values(of));
        let rows = conn
            .query_all_raw(statement(conn, sql, values))
            .await
            .map_err(Error::from)?;
        let mut read = self.read_resources(of, &rows)?;
        if read.value.manifest == of.product.manifest {
            let parts = &mut read.value.parts;
            let known: std::collections::HashSet<PartKey> =
                parts.iter().map(|(key, _)| key.clone()).collect();
            // What names nothing that could be stored is absent.
            let rest = keys.iter().map(|key| PartKey::Resource((*key).into()));
            parts.extend(
                rest.filter(|key| !known.contains(key))
                    .map(|key| (key, PartValue::Resource(None))),
            );
        }
        Ok(read)
    }

    fn read_resources(
        &self,
        of: AccountOf<'_>,
        rows: &[QueryResult],
    ) -> Result<Read<PartsRead>, SourceError> {
        let (epoch, at, manifest) = self.read_stamp(rows.first())?;
        let parts = if manifest == of.product.manifest {
            resources::read(rows, of.policy)?
                .into_iter()
                .map(|(key, resource)| (PartKey::Resource(key.into()), PartValue::Resource(resource)))
                .collect()
        } else {
            Vec::new()
        };
        Ok(Read {
            epoch,
            at,
            value: PartsRead { manifest, parts },
        })
    }

    fn read_stamp(&self, row: Option<&QueryResult>) -> Result<(Epoch, Vector, u64), SourceError> {
        let row = row.ok_or_else(no_stamp)?;
        let epoch: String = row.try_get("", "epoch").map_err(Error::from)?;
        let n = |column: &str| content::number(row, column);
        let at = Vector {
            deployment: n("deployment")?,
            product: n("product")?,
            account: n("account")?,
        };
        Ok((self.db.saw_epoch(&epoch)?, at, n("manifest")?))
    }

    async fn load_in(
        &self,
        tx: &ReadTx,
        account: AccountId,
        since: Option<Vector>,
        known: &[Arc<ProductState>],
    ) -> Result<Option<Read<Loaded>>, SourceError> {
        let Some(row) = content::account_row(tx.conn(), account).await? else {
            return Ok(None);
        };
        let from = since.unwrap_or_default();
        let roots = [
            (ScopeRoot::Deployment, from.deployment),
            (ScopeRoot::Product(row.product.clone()), from.product),
            (ScopeRoot::Account(account), from.account),
        ];
        let limit = if since.is_some() { FORWARD } else { 0 };
        let forward = tx.forward(&roots, limit).await?;
        let at = vector(&forward.revisions);
        let content = content::content(tx.conn(), account, row, (at.deployment, at.product), known).await?;
        let Some(content) = content else { return Ok(None) };
        let rows = since.and_then(|since| complete(since, at, rows_of(&forward.rows)));
        Ok(Some(Read {
            epoch: forward.epoch,
            at,
            value: Loaded { content, rows },
        }))
    }
}

fn kind_of(row: &QueryResult) -> Option<i64> {
    row.try_get::<i64>("", "kind").ok()
}

fn no_stamp() -> SourceError {
    SourceError::Corrupt("a statement returned no row where there must be one".to_owned())
}

fn group_of(subject: &Subject) -> Option<uuid::Uuid> {
    if subject.kind() != "group" {
        return None;
    }
    subject.id().parse::<GroupId>().ok().map(GroupId::uuid)
}

/// One row with epoch and E, to be put into every statement; `first` is the first of its three placeholders.
fn stamp(backend: DbBackend, first: usize) -> String {
    let revision = |n: usize| format!("COALESCE((SELECT revision FROM revision WHERE root = ${n}), 0)");
    format!(
        "SELECT {epoch} AS epoch, COALESCE((SELECT revision FROM revision WHERE root = 'deployment'), 0) AS deployment, \
         {product} AS product, {account} AS account, \
         COALESCE((SELECT version FROM product WHERE name = ${name}), 0) AS manifest",
        epoch = epoch_sql(backend),
        product = revision(first),
        account = revision(first + 1),
        name = first + 2,
    )
}

/// The last changes of so many parts, `$5` and `$6` the first of them; `$1` account, then the stamp's values.
fn changes_sql(backend: DbBackend, parts: usize) -> String {
    let pairs: Vec<String> = (0..parts)
        .map(|n| format!("(${}, ${})", n * 2 + 5, n * 2 + 6))
        .collect();
    format!(
        "SELECT s.epoch, s.deployment, s.product, s.account, s.manifest, CAST(p.kind AS bigint) AS kind, p.key, \
         p.revision FROM ({stamp}) s LEFT JOIN part p ON p.account_id = $1 AND (p.kind, p.key) IN (VALUES {pairs})",
        stamp = stamp(backend, 2),
        pairs = pairs.join(", "),
    )
}

/// The roles of a subject in the deployment and the state of the user; `$1` subject, `$2` user.
fn deployment_sql(backend: DbBackend) -> String {
    format!(
        "SELECT {epoch} AS epoch, b.role, CAST(u.state AS bigint) AS state FROM feed_state f \
         LEFT JOIN root_binding b ON b.root = 'deployment' AND b.subject = $1 \
         LEFT JOIN user_state u ON u.user_id = $2",
        epoch = epoch_sql(backend),
    )
}

fn stamp_values(of: AccountOf<'_>) -> [Value; 3] {
    [
        ScopeRoot::Product(of.product.name.clone()).to_string().into(),
        ScopeRoot::Account(of.account).to_string().into(),
        of.product.name.as_str().into(),
    ]
}

fn vector(revisions: &[u64]) -> Vector {
    let at = |n: usize| revisions.get(n).copied().unwrap_or(0);
    Vector {
        deployment: at(0),
        product: at(1),
        account: at(2),
    }
}

fn rows_of(rows: &[bailiwick_sql::OutboxRow]) -> Vec<Row> {
    rows.iter().filter_map(event::row_of).collect()
}

/// The rows where they lead from `since` to `at` without a gap.
fn complete(since: Vector, at: Vector, rows: Vec<Row>) -> Option<Vec<Row>> {
    let count = |is: fn(&Root) -> bool| rows.iter().filter(|row| is(&row.root)).count() as u64;
    let deployment = count(|root| matches!(root, Root::Deployment));
    let product = count(|root| matches!(root, Root::Product(_)));
    let account = count(|root| matches!(root, Root::Account(_)));
    let whole = deployment == at.deployment.saturating_sub(since.deployment)
        && product == at.product.saturating_sub(since.product)
        && account == at.account.saturating_sub(since.account);
    whole.then_some(rows)
}

#[async_trait::async_trait]
impl Source for SqlSource {
    async fn load(
        &self,
        account: AccountId,
        since: Option<Vector>,
        known: &[Arc<ProductState>],
    ) -> Result<Option<Read<Loaded>>, SourceError> {
        let tx = self.db.begin_read(&ScopeRoot::Account(account)).await?;
        self.load_in(&tx, account, since, known).await
    }

    async fn advance(
        &self,
        account: AccountId,
        product: &ProductName,
        since: Vector,
    ) -> Result<Read<Option<Vec<Row>>>, SourceError> {
        let roots = [
            (ScopeRoot::Deployment, since.deployment),
            (ScopeRoot::Product(product.clone()), since.product),
            (ScopeRoot::Account(account), since.account),
        ];
        let forward = self.db.feed().forward(&roots, FORWARD).await?;
        let at = vector(&forward.revisions);
        let rows = complete(since, at, rows_of(&forward.rows));
        Ok(Read {
            epoch: forward.epoch,
            at,
            value: rows,
        })
    }

    async fn parts(&self, of: AccountOf<'_>, keys: &[PartKey]) -> Result<Read<PartsRead>, SourceError> {
        let mut groups = Vec::new();
        let mut subjects = Vec::new();
        let mut things = Vec::new();
        for key in keys {
            match key {
                PartKey::Subject(text) => subjects.push(text.to_string()),
                PartKey::Group(id) => {
                    groups.push(Subject::group(GroupId::from_uuid(uuid::Uuid::from_u128(*id))).to_string());
                }
                PartKey::Resource(text) => things.push(&**text),
            }
        }
        // A statement takes one user and any number of groups, or any number of resources.
        let one = match (subjects.len(), groups.is_empty(), things.is_empty()) {
            (0, true, _) => Some(true),
            (0 | 1, _, true) => Some(false),
            _ => None,
        };
        match one {
            Some(true) => return self.resources(self.db.load(), of, &things).await,
            Some(false) => {
                let user = subjects
                    .first()
                    .and_then(|text| text.parse::<Subject>().ok()?.user_id());
                groups.extend(subjects);
                return self.sets(self.db.load(), of, groups, user).await;
            }
            None => {}
        }
        let tx = self.db.begin_read(&ScopeRoot::Account(of.account)).await?;
        let mut all: Option<Read<PartsRead>> = None;
        let mut add = |read: Read<PartsRead>| match &mut all {
            None => all = Some(read),
            Some(all) => all.value.parts.extend(read.value.parts),
        };
        if !things.is_empty() {
            add(self.resources(tx.conn(), of, &things).await?);
        }
        for subject in subjects {
            let user = subject
                .parse::<Subject>()
                .ok()
                .and_then(|subject| subject.user_id());
            add(self.sets(tx.conn(), of, vec![subject], user).await?);
        }
        if !groups.is_empty() {
            add(self.sets(tx.conn(), of, groups, None).await?);
        }
        all.ok_or_else(no_stamp)
    }

    async fn candidates(
        &self,
        of: AccountOf<'_>,
        name: &str,
        after: &str,
        limit: usize,
    ) -> Result<Read<(Vec<Box<str>>, PartsRead)>, SourceError> {
        let sql = resources::scan(self.db.backend(), &stamp(self.db.backend(), 4), limit);
        let mut values: Vec<Value> = vec![of.account.uuid().into(), name.into(), after.into()];
        values.extend(stamp_values(of));
        let conn = self.db.load();
        let rows = conn
            .query_all_raw(statement(conn, sql, values))
            .await
            .map_err(Error::from)?;
        let read = self.read_resources(of, &rows)?;
        let ids = resources::seeds(&rows)?;
        Ok(Read {
            epoch: read.epoch,
            at: read.at,
            value: (ids, read.value),
        })
    }

    async fn outline(
        &self,
        account: AccountId,
        product: &ProductName,
        asked: OutlineOf<'_>,
    ) -> Result<Read<Outline>, SourceError> {
        let tx = self.db.begin_read(&ScopeRoot::Account(account)).await?;
        let roots = [
            ScopeRoot::Deployment,
            ScopeRoot::Product(product.clone()),
            ScopeRoot::Account(account),
        ];
        let standing = tx.standing(&roots).await?;
        let value = outline::read(tx.conn(), account, asked).await?;
        Ok(Read {
            epoch: standing.epoch,
            at: vector(&standing.revisions),
            value,
        })
    }

    async fn last_changes(
        &self,
        of: AccountOf<'_>,
        keys: &[PartKey],
    ) -> Result<Read<(u64, Vec<u64>)>, SourceError> {
        let stored: Vec<(u8, String)> = keys.iter().map(|key| key.borrowed().stored()).collect();
        let sql = changes_sql(self.db.backend(), stored.len());
        let mut values: Vec<Value> = vec![of.account.uuid().into()];
        values.extend(stamp_values(of));
        for (kind, key) in &stored {
            values.push(i16::from(*kind).into());
            values.push(key.clone().into());
        }
        let conn = self.db.load();
        let rows = conn
            .query_all_raw(statement(conn, sql, values))
            .await
            .map_err(Error::from)?;
        let (epoch, at, manifest) = self.read_stamp(rows.first())?;
        let mut changes = vec![0; keys.len()];
        for row in &rows {
            let Some(kind) = row.try_get::<Option<i64>>("", "kind").map_err(Error::from)? else {
                continue;
            };
            let key: String = row.try_get("", "key").map_err(Error::from)?;
            let revision = content::number(row, "revision")?;
            for ((of_kind, of_key), slot) in stored.iter().zip(&mut changes) {
                if i64::from(*of_kind) == kind && *of_key == key {
                    *slot = revision;
                }
            }
        }
        Ok(Read {
            epoch,
            at,
            value: (manifest, changes),
        })
    }

    async fn roots(&self, deployment: bool, products: &[ProductName]) -> Result<(Epoch, Roots), SourceError> {
        let tx = self.db.begin_read_across().await?;
        let mut roots: Vec<ScopeRoot> = products.iter().cloned().map(ScopeRoot::Product).collect();
        if deployment {
            roots.push(ScopeRoot::Deployment);
        }
        let standing = tx.standing(&roots).await?;
        let at: Vec<(ScopeRoot, u64)> = roots.into_iter().zip(standing.revisions).collect();
        let mut bound = content::bound(tx.conn(), &at).await?;
        let deployment = if deployment { bound.pop() } else { None };
        let states = content::products(tx.conn(), products, &[]).await?;
        let mut found = Vec::with_capacity(states.len());
        for (name, bound) in products.iter().zip(bound) {
            if let Some(state) = states.iter().find(|state| state.name == *name) {
                found.push((Arc::clone(state), bound));
            }
        }
        Ok((
            standing.epoch,
            Roots {
                deployment,
                products: found,
            },
        ))
    }

    async fn deployment_of(&self, subject: &Subject) -> Result<(PermissionSet, bool), SourceError> {
        let user = subject.user_id();
        let sql = deployment_sql(self.db.backend());
        let values: Vec<Value> = vec![
            subject.as_str().into(),
            user.map(bailiwick_types::UserId::uuid).into(),
        ];
        let conn = self.db.load();
        let rows = conn
            .query_all_raw(statement(conn, sql, values))
            .await
            .map_err(Error::from)?;
        let mut set = bailiwick_policy::PermissionSetBuilder::new(subject.clone());
        let mut disabled = false;
        for row in &rows {
            let role: Option<String> = row.try_get("", "role").map_err(Error::from)?;
            if let Some(no) = role.as_deref().and_then(content::suite_role) {
                set.bind(no, bailiwick_policy::PlaceId::DEPLOYMENT, None, None);
            }
            let state: Option<i64> = row.try_get("", "state").map_err(Error::from)?;
            disabled |= state.is_some_and(|state| state != code::USER_ACTIVE);
        }
        Ok((set.build(), disabled))
    }

    async fn poll(&self) -> Result<Polled, SourceError> {
        let mut following = self.feed.lock().await;
        let returned = std::mem::take(&mut following.returned);
        match &mut following.poller {
            None => {
                let epoch = self.begin(&mut following).await?;
                return Ok(Polled {
                    epoch,
                    rows: Vec::new(),
                });
            }
            Some(poller) => returned.iter().for_each(|poll| poller.applied(poll)),
        }
        let mut polled: Option<Polled> = None;
        for _ in 0..POLLS {
            let Some(poller) = &mut following.poller else {
                return Err(SourceError::Refused);
            };
            let poll = match poller.poll(&self.db, POLL).await {
                Ok(poll) => poll,
                Err(error) if polled.is_none() => return Err(error.into()),
                // Some rows are read past already: what cannot be handed on whole is given up.
                Err(_) => return Err(SourceError::Refused),
            };
            let rows = rows_of(&poll.rows);
            let complete = poll.complete;
            match &mut polled {
                None => {
                    polled = Some(Polled {
                        epoch: Arc::clone(&poll.epoch),
                        rows,
                    })
                }
                Some(polled) => polled.rows.extend(rows),
            }
            if complete {
                following.returned.push(poll);
                return polled.ok_or_else(no_stamp);
            }
            // More follows: the rows are kept here until all are there, so that they become visible at once.
            poller.applied(&poll);
        }
        Err(SourceError::Refused)
    }

    async fn restart(&self) -> Result<Epoch, SourceError> {
        let mut following = self.feed.lock().await;
        self.begin(&mut following).await
    }
}

/// What authorization follows of the other services.
#[async_trait::async_trait]
impl Arrivals for SqlSource {
    async fn wait(
        &self,
        service: Service,
        root: &ScopeRoot,
        epoch: &str,
        revision: u64,
        within: std::time::Duration,
    ) -> Result<Arrived, SourceError> {
        use bailiwick_sql::follow::Waited;
        Ok(
            match self
                .db
                .wait_applied(service, epoch, root, revision, within)
                .await?
            {
                Waited::Reached => Arrived::Yes,
                Waited::OtherEpoch => Arrived::OtherEpoch,
                Waited::Late => Arrived::NotYet,
            },
        )
    }
}
