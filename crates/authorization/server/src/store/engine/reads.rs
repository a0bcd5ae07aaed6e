//! The reads of the primary: accounts, the rows since a point, last changes, roots.

use bailiwick_authorization_core::person::PersonState;
use bailiwick_authorization_engine::{
    AccountRef, Epoch, LastChanges, Listed, ListedQuery, Loaded, Outline, OutlineQuery, PartKey, PartsRead,
    Polled, ProductState, Read, Root, Roots, Row, Source, SourceError, Watermark,
};
use bailiwick_policy::{PermissionSet, PermissionSetBuilder, PlaceId};
use bailiwick_sql::{Error, OutboxRow, ReadTx, epoch_sql, query};
use bailiwick_types::{AccountId, ProductName, ScopeRoot, Subject, UserId};
use sea_orm::{DbBackend, Value};

use super::{
    SqlSource, content, event, outline, resources, source_error,
    stamp::{stamp, stamp_values, watermark},
};

/// The greatest number of rows of a root that an account is advanced by; with more it is read again.
const FORWARD: u32 = 2_000;

/// The last changes of `parts` parts, and the stamps of the revisions of account and product at which they
/// were read; `$1` account, then the stamp's values, then of each part kind, key and the two revisions.
pub(super) fn changes_sql(backend: DbBackend, parts: usize) -> String {
    let each = (0..parts).map(|n| {
        let [kind, key, account, product] = [5, 6, 7, 8].map(|first| n * 4 + first);
        let stamp = |root: usize, revision: usize| {
            format!("(SELECT o.stamp FROM outbox o WHERE o.root = ${root} AND o.revision = ${revision})")
        };
        format!(
            "SELECT {n} AS n, (SELECT p.revision FROM part p WHERE p.account_id = $1 AND p.kind = ${kind} \
             AND p.key = ${key}) AS revision, {} AS of_account, {} AS of_product",
            stamp(3, account),
            stamp(2, product),
        )
    });
    format!(
        "SELECT s.epoch, s.deployment, s.product, s.account, s.manifest, CAST(c.n AS bigint) AS n, c.revision, \
         c.of_account, c.of_product FROM ({stamp}) s CROSS JOIN ({each}) c",
        stamp = stamp(backend, 2),
        each = each.collect::<Vec<_>>().join(" UNION ALL "),
    )
}

/// The roles of a subject in the deployment and the state of the user; `$1` subject, `$2` user.
pub(super) fn deployment_sql(backend: DbBackend) -> String {
    format!(
        "SELECT {epoch} AS epoch, b.role, CAST(u.state AS bigint) AS state FROM feed_state f \
         LEFT JOIN root_binding b ON b.root = 'deployment' AND b.subject = $1 \
         LEFT JOIN user_state u ON u.user_id = $2",
        epoch = epoch_sql(backend),
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
            let (kind, key) = key.borrowed().stored();
            let revision = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            values.extend([
                i16::from(kind).into(),
                key.into(),
                revision(read_at.account).into(),
                revision(read_at.product).into(),
            ]);
        }
        answer(async {
            let rows = query(self.db.load(), sql, values).await?;
            let (epoch, at, manifest) = self.read_stamp(rows.first())?;
            let mut value = LastChanges {
                manifest,
                changed: vec![0; parts.len()],
                stamps: vec![(None, None); parts.len()],
            };
            for row in &rows {
                let n = usize::try_from(row.try_get::<i64>("", "n")?).unwrap_or(usize::MAX);
                let revision = row.try_get::<Option<i64>>("", "revision")?.unwrap_or(0);
                if let (Some(changed), Some(stamps)) = (value.changed.get_mut(n), value.stamps.get_mut(n)) {
                    *changed = u64::try_from(revision).unwrap_or(0);
                    *stamps = (row.try_get("", "of_account")?, row.try_get("", "of_product")?);
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
        let user = subject.user_id();
        let sql = deployment_sql(self.db.backend());
        let values: Vec<Value> = vec![subject.as_str().into(), user.map(UserId::uuid).into()];
        let mut set = PermissionSetBuilder::new(subject.clone());
        let mut disabled = false;
        answer(async {
            for row in query(self.db.load(), sql, values).await? {
                let role: Option<String> = row.try_get("", "role")?;
                if let Some(no) = role.as_deref().and_then(content::deployment_role) {
                    set.bind(no, PlaceId::DEPLOYMENT, None, None);
                }
                let state: Option<i64> = row.try_get("", "state")?;
                disabled |= state.is_some_and(|state| state != i64::from(PersonState::Active.code()));
            }
            Ok((set.build(), disabled))
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
