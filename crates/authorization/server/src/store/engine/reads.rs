//! The reads of the primary: accounts, the rows since a point, last changes, roots.

use bailiwick_authorization_core::person::PersonState;
use bailiwick_authorization_engine::{
    AccountRef, Epoch, FactKey, KnownStamps, LastChanges, Listed, ListedQuery, Loaded, Outline, OutlineQuery,
    PartKey, PartRef, PartsRead, Polled, ProductState, Read, Root, Roots, Row, Source, SourceError,
    Watermark,
};
use bailiwick_policy::{PermissionSet, PermissionSetBuilder, PlaceId};
use bailiwick_sql::{Error, OutboxRow, ReadTx, epoch_sql, query};
use bailiwick_types::{AccountId, ProductName, ScopeRoot, Subject};
use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use super::{
    SqlSource, content, event, outline, resources, source_error,
    stamp::{STAMP_VALUES, stamp, stamp_values, watermark},
};
use crate::store::subjects;

/// The greatest number of rows of a root that an account is advanced by; with more it is read again.
const FORWARD: u32 = 2_000;

/// The values that [`changes_sql`] takes for each part.
const EACH: usize = 5;

/// The last changes of `parts` parts, and the stamps of the revisions at which they were read; `$1` account,
/// then the stamp's values, then of each part its kind, its key or (of a fact of identity) its UUID, the
/// revision of the root that it changes with, and that of the product.
pub(super) fn changes_sql(backend: DbBackend, parts: usize) -> String {
    let id = if backend == DbBackend::Postgres {
        "uuid"
    } else {
        "blob"
    };
    let each = (0..parts).map(|n| {
        let first = 2 + STAMP_VALUES + n * EACH;
        let [kind, key, of, revision, product] = [0, 1, 2, 3, 4].map(|value| first + value);
        format!(
            "({n}, CAST(${kind} AS smallint), CAST(${key} AS text), CAST(${of} AS {id}), \
             CAST(${revision} AS bigint), CAST(${product} AS bigint))"
        )
    });
    let stamp_of = |root: &str, revision: &str| {
        format!("(SELECT o.stamp FROM outbox o WHERE o.root = {root} AND o.revision = c.{revision})")
    };
    let (user, service) = (FactKey::User(0), FactKey::Service(0));
    let kind = |key: FactKey| PartRef::Fact(key).kind();
    format!(
        "WITH c (n, kind, key, id, revision, product) AS (VALUES {each}) \
         SELECT s.epoch, s.deployment, s.product, s.account, s.manifest, CAST(c.n AS bigint) AS n, \
         CASE c.kind WHEN {user} THEN (SELECT f.revision FROM user_state f WHERE f.user_id = c.id) \
         WHEN {service} THEN (SELECT f.revision FROM service_state f WHERE f.service_id = c.id) \
         ELSE (SELECT p.revision FROM part p WHERE p.account_id = $1 AND p.kind = c.kind AND p.key = c.key) END \
         AS revision, {of_root} AS of_root, {of_product} AS of_product FROM ({stamp}) s CROSS JOIN c",
        user = kind(user),
        service = kind(service),
        stamp = stamp(backend, 2),
        each = each.collect::<Vec<_>>().join(", "),
        of_root = stamp_of(
            &format!(
                "CASE WHEN c.kind IN ({}, {}) THEN 'deployment' ELSE $3 END",
                kind(user),
                kind(service)
            ),
            "revision"
        ),
        of_product = stamp_of("$2", "product"),
    )
}

/// The values of a part in [`changes_sql`].
pub(super) fn changes_values(key: &PartKey, read_at: &Watermark) -> [Value; EACH] {
    let number = |n: u64| Value::from(i64::try_from(n).unwrap_or(i64::MAX));
    let (kind, name) = key.borrowed().stored();
    let (name, id, revision) = match key {
        PartKey::Fact(FactKey::User(id) | FactKey::Service(id)) => {
            (None, Some(Uuid::from_u128(*id)), read_at.deployment)
        }
        PartKey::Subject(_) | PartKey::Group(_) | PartKey::Resource(_) => (Some(name), None, read_at.account),
    };
    [
        i16::from(kind).into(),
        name.into(),
        id.into(),
        number(revision),
        number(read_at.product),
    ]
}

/// The roles of a subject in the deployment, and its state; `$1` subject, `$2` user, `$3` service account.
pub(super) fn deployment_sql(backend: DbBackend) -> String {
    format!(
        "SELECT {epoch} AS epoch, b.role, \
         CAST(CASE WHEN u.state <> {active} OR NOT v.enabled THEN 1 ELSE 0 END AS bigint) AS closed \
         FROM feed_state f LEFT JOIN root_binding b ON b.root = 'deployment' AND b.subject = $1 \
         LEFT JOIN user_state u ON u.user_id = $2 LEFT JOIN service_state v ON v.service_id = $3",
        epoch = epoch_sql(backend),
        active = PersonState::Active.code(),
    )
}

/// Whether a subject has a role of a root, or anything in an account: what changes there is a part with its
/// last change.
pub(super) const STANDS: &str = "SELECT CAST(COUNT(*) AS bigint) AS n FROM (\
     SELECT 1 FROM root_binding WHERE subject = $1 AND (root = 'deployment' OR $2) \
     UNION ALL SELECT 1 FROM part WHERE account_id = $3 AND kind = 1 AND key = $1) s";

/// The rows of the outbox that decisions depend on.
pub(super) fn rows_of(rows: &[OutboxRow]) -> Vec<Row> {
    rows.iter().filter_map(event::row_of).collect()
}

/// The rows, if they lead from `since` to `at` without a gap.
fn complete(since: Watermark, at: Watermark, rows: Vec<Row>) -> Option<Vec<Row>> {
    let count = |is: fn(&Root) -> bool| rows.iter().filter(|row| is(&row.root)).count() as u64;
    let deployment = count(|root| matches!(root, Root::Deployment));
    let product = count(|root| matches!(root, Root::Product(_)));
    let account = count(|root| matches!(root, Root::Account(_)));
    let whole = deployment == at.deployment.saturating_sub(since.deployment)
        && product == at.product.saturating_sub(since.product)
        && account == at.account.saturating_sub(since.account);
    whole.then_some(rows)
}

/// What a read returns, with the engine's error.
async fn answer<T>(read: impl Future<Output = Result<T, Error>>) -> Result<T, SourceError> {
    read.await.map_err(source_error)
}

impl SqlSource {
    /// Reads the content of an account in a transaction, with the rows after a point.
    pub(super) async fn load_in(
        &self,
        tx: &ReadTx,
        account: AccountId,
        since: Option<Watermark>,
    ) -> Result<Option<Read<Loaded>>, Error> {
        let Some(known) = content::account(tx.conn(), account).await? else {
            return Ok(None);
        };
        let limit = if since.is_some() { FORWARD } else { 0 };
        let roots = roots_of(account, &known.product, since.unwrap_or_default());
        let forward = tx.forward(&roots, limit).await?;
        let at = watermark(&forward.revisions);
        let revisions = (at.deployment, at.product);
        let content = content::content(tx.conn(), &known, revisions, &self.products).await?;
        let Some(content) = content else { return Ok(None) };
        let rows = since.and_then(|since| complete(since, at, rows_of(&forward.rows)));
        Ok(Some(Read {
            epoch: forward.epoch,
            at,
            value: Loaded { content, rows },
        }))
    }
}

/// The roots of an account, each with its revision.
fn roots_of(account: AccountId, product: &ProductName, at: Watermark) -> [(ScopeRoot, u64); 3] {
    [
        (ScopeRoot::Deployment, at.deployment),
        (ScopeRoot::Product(product.clone()), at.product),
        (ScopeRoot::Account(account), at.account),
    ]
}

#[async_trait::async_trait]
impl Source for SqlSource {
    async fn load(
        &self,
        account: AccountId,
        since: Option<Watermark>,
    ) -> Result<Option<Read<Loaded>>, SourceError> {
        answer(async {
            let tx = self.db.begin_read(&ScopeRoot::Account(account)).await?;
            self.load_in(&tx, account, since).await
        })
        .await
    }

    async fn advance(
        &self,
        account: AccountId,
        product: &ProductName,
        since: Watermark,
    ) -> Result<Read<Option<Vec<Row>>>, SourceError> {
        let roots = roots_of(account, product, since);
        let forward = answer(self.db.feed().forward(&roots, FORWARD)).await?;
        let at = watermark(&forward.revisions);
        Ok(Read {
            epoch: forward.epoch,
            at,
            value: complete(since, at, rows_of(&forward.rows)),
        })
    }

    async fn parts(&self, of: AccountRef<'_>, keys: &[PartKey]) -> Result<Read<PartsRead>, SourceError> {
        answer(self.read_parts(of, keys)).await
    }

    async fn candidates(
        &self,
        of: AccountRef<'_>,
        name: &str,
        after: &str,
        limit: usize,
    ) -> Result<Read<(Vec<Box<str>>, PartsRead)>, SourceError> {
        let sql = resources::scan(self.db.backend(), &stamp(self.db.backend(), 4), limit);
        let mut values: Vec<Value> = vec![of.account.uuid().into(), name.into(), after.into()];
        values.extend(stamp_values(of));
        answer(async {
            let rows = query(self.db.load(), sql, values).await?;
            let read = self.read_resources(of, &rows)?;
            let ids = resources::seeds(&rows)?;
            Ok(Read {
                epoch: read.epoch,
                at: read.at,
                value: (ids, read.value),
            })
        })
        .await
    }

    async fn outline(
        &self,
        account: AccountId,
        product: &ProductName,
        query: OutlineQuery<'_>,
    ) -> Result<Read<Outline>, SourceError> {
        let roots = roots_of(account, product, Watermark::default()).map(|(root, _)| root);
        answer(async {
            let tx = self.db.begin_read(&ScopeRoot::Account(account)).await?;
            let standing = tx.standing(&roots).await?;
            Ok(Read {
                at: watermark(&[0, 1, 2].map(|n| standing.at(n))),
                epoch: standing.epoch,
                value: outline::read(tx.conn(), account, query).await?,
            })
        })
        .await
    }

    async fn listed(
        &self,
        account: AccountId,
        product: &ProductName,
        query: ListedQuery<'_>,
    ) -> Result<Read<Listed>, SourceError> {
        let roots = roots_of(account, product, Watermark::default()).map(|(root, _)| root);
        answer(async {
            let tx = self.db.begin_read(&ScopeRoot::Account(account)).await?;
            let standing = tx.standing(&roots).await?;
            Ok(Read {
                at: watermark(&[0, 1, 2].map(|n| standing.at(n))),
                epoch: standing.epoch,
                value: outline::listed(tx.conn(), account, query).await?,
            })
        })
        .await
    }

    async fn last_changes(
        &self,
        of: AccountRef<'_>,
        parts: &[(PartKey, Watermark)],
    ) -> Result<Read<LastChanges>, SourceError> {
        let sql = changes_sql(self.db.backend(), parts.len());
        let mut values: Vec<Value> = vec![of.account.uuid().into()];
        values.extend(stamp_values(of));
        for (key, read_at) in parts {
            values.extend(changes_values(key, read_at));
        }
        answer(async {
            let rows = query(self.db.load(), sql, values).await?;
            let (epoch, at, manifest) = self.read_stamp(rows.first())?;
            let mut value = LastChanges {
                manifest,
                changed: vec![0; parts.len()],
                stamps: vec![KnownStamps::default(); parts.len()],
            };
            for row in &rows {
                let n = usize::try_from(row.try_get::<i64>("", "n")?).unwrap_or(usize::MAX);
                let revision = row.try_get::<Option<i64>>("", "revision")?.unwrap_or(0);
                if let (Some(changed), Some(stamps)) = (value.changed.get_mut(n), value.stamps.get_mut(n)) {
                    *changed = u64::try_from(revision).unwrap_or(0);
                    let of_root: Option<i64> = row.try_get("", "of_root")?;
                    let is_fact = matches!(parts.get(n), Some((PartKey::Fact(_), _)));
                    *stamps = KnownStamps {
                        deployment: of_root.filter(|_| is_fact),
                        product: row.try_get("", "of_product")?,
                        account: of_root.filter(|_| !is_fact),
                    };
                }
            }
            Ok(Read { epoch, at, value })
        })
        .await
    }

    async fn roots(&self, deployment: bool, products: &[ProductName]) -> Result<(Epoch, Roots), SourceError> {
        let mut roots: Vec<ScopeRoot> = products.iter().cloned().map(ScopeRoot::Product).collect();
        if deployment {
            roots.push(ScopeRoot::Deployment);
        }
        answer(async {
            let tx = self.db.begin_read_across().await?;
            let standing = tx.standing(&roots).await?;
            let at: Vec<(ScopeRoot, u64)> = roots.into_iter().zip(standing.revisions).collect();
            let mut states = Vec::with_capacity(products.len());
            for name in products {
                states.push(self.products.read(tx.conn(), name).await?);
            }
            let known: Vec<&ProductState> = states.iter().flatten().map(AsRef::as_ref).collect();
            let mut bound = content::bound(tx.conn(), &at, &known).await?;
            let deployment = if deployment { bound.pop() } else { None };
            let states = states.into_iter().zip(bound);
            let found = states.filter_map(|(state, bound)| Some((state?, bound)));
            let found = found.collect();
            let roots = Roots {
                deployment,
                products: found,
            };
            Ok((standing.epoch, roots))
        })
        .await
    }

    async fn deployment_of(&self, subject: &Subject) -> Result<(PermissionSet, bool), SourceError> {
        let [user, service] = subjects::ids(FactKey::of(subject));
        let sql = deployment_sql(self.db.backend());
        let values: Vec<Value> = vec![subject.as_str().into(), user.into(), service.into()];
        let mut set = PermissionSetBuilder::new(subject.clone());
        let mut closed = false;
        answer(async {
            for row in query(self.db.load(), sql, values).await? {
                let role: Option<String> = row.try_get("", "role")?;
                if let Some(no) = role.as_deref().and_then(content::deployment_role) {
                    set.bind(no, PlaceId::DEPLOYMENT, None, None);
                }
                closed |= row.try_get::<i64>("", "closed")? != 0;
            }
            Ok((set.build(), closed))
        })
        .await
    }

    async fn stands(&self, subject: &Subject, account: Option<AccountId>) -> Result<bool, SourceError> {
        let id = account.map(AccountId::uuid);
        let values: Vec<Value> = vec![subject.as_str().into(), account.is_some().into(), id.into()];
        answer(async {
            let rows = query(self.db.load(), STANDS, values).await?;
            let row = rows.first().map(|row| content::number(row, "n"));
            Ok(row.transpose()?.is_some_and(|n| n > 0))
        })
        .await
    }

    async fn poll(&self) -> Result<Polled, SourceError> {
        answer(self.feed.lock().await.poll(&self.db)).await
    }

    async fn restart(&self) -> Result<Epoch, SourceError> {
        answer(self.feed.lock().await.begin(&self.db)).await
    }
}
