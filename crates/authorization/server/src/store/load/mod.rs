//! Hot loading: the statements that a replica reads the primary with, and the sets, resources and policies that their
//! rows make. Each statement names its account in its text and returns the epoch and the point E it was read at.

mod code;
mod content;
mod event;
mod following;
mod lists;
mod outline;
mod parts;
pub(crate) mod people;
#[cfg(test)]
mod plans;
mod resources;
mod sets;
pub(crate) mod snapshot;
mod stamp;

use std::sync::Arc;

use bailiwick_policy::PermissionSet;
use bailiwick_sql::{Db, Error, ReadTx, epoch_sql, statement};
use bailiwick_types::{AccountId, ProductName, ScopeRoot, Service, Subject};
use sea_orm::{ConnectionTrait, DbBackend, Value};
use tokio::sync::Mutex;

use following::Following;
pub(crate) use lists::Lists;
use stamp::{stamp, stamp_values, vector};

use crate::{
    cache::PartKey,
    replica::{
        AccountOf, Arrivals, Arrived, Epoch, Loaded, Outline, OutlineOf, PartsRead, Polled, ProductState,
        Read, Root, Roots, Row, Source, SourceError, Vector,
    },
};

/// Rows of a root that are read on from where an account is; with more it is read anew.
const FORWARD: u32 = 2_000;
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

impl SqlSource {
    /// Reads this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            feed: Mutex::default(),
        }
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
        self.read_parts(of, keys).await
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
        self.feed.lock().await.poll(&self.db).await
    }

    async fn restart(&self) -> Result<Epoch, SourceError> {
        self.feed.lock().await.begin(&self.db).await
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
