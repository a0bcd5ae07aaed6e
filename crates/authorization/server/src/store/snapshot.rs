//! The present state of authorization for those who follow it: products, invitations and requests for
//! approvals that wait.

use std::collections::HashSet;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    Change,
    approval::{self, Approval},
    invitation::{Invitation, State},
};
use bailiwick_feed::{Known, SnapshotPage, SnapshotSource};
use bailiwick_sql::{Db, Error, follow::Thing};
use bailiwick_types::{ProductName, ScopeRoot};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{
    change,
    convert::column,
    entity::{self, product},
    rows::{FromRow, OfAccount, pair},
};

/// Rows a page.
const ROWS: u64 = 200;

/// Reads the present state in pages: products by name first, then what is pending by its keys: invitations,
/// requests for approvals.
#[derive(Debug, Clone)]
pub struct Snapshot {
    db: Db,
}

impl Snapshot {
    /// Reads this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
    async fn products(&self, after: &str) -> Result<SnapshotPage, Error> {
        let tx = self.db.begin_read_across().await?;
        let rows = product::Entity::find()
            .order_by_asc(product::Column::Name)
            .limit(ROWS);
        let rows = rows
            .filter(product::Column::Name.gt(after))
            .all(tx.conn())
            .await?;
        let mut page = SnapshotPage::default();
        let mut roots = Vec::new();
        for row in &rows {
            let name: ProductName = row
                .name
                .parse()
                .map_err(|error| Error::corrupt("product", "name", &row.name, error))?;
            roots.push(ScopeRoot::Product(name.clone()));
            let version = u64::try_from(row.version).unwrap_or_default();
            let change = Change::Product {
                name,
                version,
                canonical: row.canonical.clone(),
            };
            page.changes.push(change::told(&change));
        }
        let standing = tx.standing(&roots).await?;
        page.revisions = roots.into_iter().zip(standing.revisions).collect();
        let more = rows.len() as u64 == ROWS;
        page.next = Some(match rows.last().filter(|_| more) {
            Some(last) => format!("p:{}", last.name),
            None => "i:".to_owned(),
        });
        Ok(page)
    }
    /// What is pending, by account and id. `kind` names it in the key of the next page; the last page is
    /// followed by `then`.
    async fn pending<R: FromRow>(
        &self,
        (kind, then): (&str, Option<&str>),
        (is_pending, id): (Expr, <R::Entity as EntityTrait>::Column),
        after: Option<Key>,
        told: fn(R) -> (Key, Change),
    ) -> Result<SnapshotPage, Error> {
        let tx = self.db.begin_read_across().await?;
        let account = R::Entity::ACCOUNT;
        let key = pair(account.into_expr(), id.into_expr());
        let rows = R::Entity::find()
            .filter(is_pending)
            .apply_if(after, |rows, (account, id)| {
                rows.filter(key.gt(pair(account, id)))
            })
            .order_by_asc(account)
            .order_by_asc(id)
            .limit(ROWS);
        let rows = rows.all(tx.conn()).await?;
        let more = rows.len() as u64 == ROWS;
        let mut page = SnapshotPage::default();
        let mut last = None;
        for row in rows {
            let (key, change) = told(R::from_row(row)?);
            page.changes.push(change::told(&change));
            last = Some(key);
        }
        page.next = match last.filter(|_| more) {
            Some((account, id)) => Some(format!("{kind}:{account}/{id}")),
            None => then.map(str::to_owned),
        };
        Ok(page)
    }
}

/// Account and id.
type Key = (Uuid, Uuid);

#[async_trait]
impl SnapshotSource for Snapshot {
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, Error> {
        let (kind, after) = from.and_then(|from| from.split_once(':')).unwrap_or(("p", ""));
        let key = after.split_once('/');
        let key = key.and_then(|(account, id)| Some((account.parse().ok()?, id.parse().ok()?)));
        match kind {
            "p" => self.products(after).await,
            "i" => {
                use entity::invitation::Column as C;
                let is_pending = C::State.eq(column(State::Pending.code()));
                let told = |of: Invitation| ((of.account.uuid(), of.id.uuid()), Change::Invitation(of));
                self.pending(("i", Some("a:")), (is_pending, C::Id), key, told)
                    .await
            }
            _ => {
                use entity::approval::Column as C;
                let is_pending = C::State.eq(column(approval::State::Pending.code()));
                let told = |of: Approval| ((of.account.uuid(), of.id.uuid()), Change::Approval(of));
                self.pending(("a", None), (is_pending, C::Id), key, told).await
            }
        }
    }
}

#[async_trait]
impl Known for Snapshot {
    async fn known(&self, things: &[Thing]) -> Result<HashSet<Thing>, Error> {
        let names = things.iter().filter_map(|thing| match thing {
            Thing::Product(name) => Some(name.as_str()),
            _ => None,
        });
        let tx = self.db.begin_read_across().await?;
        let names: HashSet<String> = product::Entity::find()
            .select_only()
            .column(product::Column::Name)
            .filter(product::Column::Name.is_in(names))
            .into_tuple()
            .all(tx.conn())
            .await?
            .into_iter()
            .collect();
        let is_known =
            |thing: &&Thing| matches!(thing, Thing::Product(name) if names.contains(name.as_str()));
        Ok(things.iter().filter(is_known).cloned().collect())
    }
}
