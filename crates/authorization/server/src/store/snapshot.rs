//! The present state of authorization for those who follow it: products, invitations that wait.

use async_trait::async_trait;
use bailiwick_authorization_core::{Change, invitation::State};
use bailiwick_feed::{SnapshotPage, SnapshotSource};
use bailiwick_sql::{Db, Error};
use bailiwick_types::{ProductName, ScopeRoot};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    change,
    entity::{invitation, product},
    invitation::read,
};

/// Rows a page.
const ROWS: u64 = 200;

/// Reads the present state in pages: products by name first, then pending invitations by their keys.
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
    async fn invitations(&self, after: Option<(uuid::Uuid, uuid::Uuid)>) -> Result<SnapshotPage, Error> {
        use invitation::Column as C;
        let tx = self.db.begin_read_across().await?;
        let mut rows = invitation::Entity::find()
            .filter(C::State.eq(1_i16))
            .order_by_asc(C::AccountId);
        rows = rows.order_by_asc(C::Id).limit(ROWS);
        if let Some((account, id)) = after {
            let same = sea_orm::Condition::all()
                .add(C::AccountId.eq(account))
                .add(C::Id.gt(id));
            rows = rows.filter(sea_orm::Condition::any().add(C::AccountId.gt(account)).add(same));
        }
        let rows = rows.all(tx.conn()).await?;
        let more = rows.len() as u64 == ROWS;
        let last = rows.last().filter(|_| more);
        let mut page = SnapshotPage {
            next: last.map(|last| format!("i:{}/{}", last.account_id, last.id)),
            ..SnapshotPage::default()
        };
        for row in rows {
            let id = row.id;
            let found = read(row).map_err(|error| Error::corrupt("invitation", "roles", id, error))?;
            if found.state == State::Pending {
                page.changes.push(change::told(&Change::Invitation(found)));
            }
        }
        Ok(page)
    }
}

#[async_trait]
impl SnapshotSource for Snapshot {
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, Error> {
        let from = from.unwrap_or("p:");
        if let Some(after) = from.strip_prefix("p:") {
            return self.products(after).await;
        }
        let key = from.strip_prefix("i:").and_then(|key| key.split_once('/'));
        let key = key.and_then(|(account, id)| Some((account.parse().ok()?, id.parse().ok()?)));
        self.invitations(key).await
    }
}
