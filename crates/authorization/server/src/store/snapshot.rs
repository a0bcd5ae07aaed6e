//! The present state of authorization for those who follow it: products, invitations and requests for
//! approvals that wait.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    Change,
    approval::Approval,
    invitation::{Invitation, State},
};
use bailiwick_feed::{SnapshotPage, SnapshotSource};
use bailiwick_sql::{Db, Error};
use bailiwick_types::{ProductName, ScopeRoot};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{
    change,
    entity::{approval, invitation, product},
    rows::FromRow,
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
    async fn invitations(&self, after: Option<Key>) -> Result<SnapshotPage, Error> {
        use invitation::Column as C;
        let tx = self.db.begin_read_across().await?;
        let rows = invitation::Entity::find()
            .filter(C::State.eq(1_i16))
            .filter(beyond(C::AccountId, C::Id, after))
            .order_by_asc(C::AccountId)
            .order_by_asc(C::Id);
        let rows = rows.limit(ROWS).all(tx.conn()).await?;
        let keys: Vec<Key> = rows.iter().map(|row| (row.account_id, row.id)).collect();
        let mut page = SnapshotPage {
            next: Some(next("i", &keys).unwrap_or_else(|| "a:".to_owned())),
            ..SnapshotPage::default()
        };
        for row in rows {
            let id = row.id;
            let found = Invitation::from_row(row)
                .map_err(|error| Error::corrupt("invitation", "roles", id, error))?;
            if found.state == State::Pending {
                page.changes.push(change::told(&Change::Invitation(found)));
            }
        }
        Ok(page)
    }
    async fn approvals(&self, after: Option<Key>) -> Result<SnapshotPage, Error> {
        use approval::Column as C;
        let tx = self.db.begin_read_across().await?;
        let rows = approval::Entity::find()
            .filter(C::State.eq(1_i16))
            .filter(beyond(C::AccountId, C::Id, after))
            .order_by_asc(C::AccountId)
            .order_by_asc(C::Id);
        let rows = rows.limit(ROWS).all(tx.conn()).await?;
        let keys: Vec<Key> = rows.iter().map(|row| (row.account_id, row.id)).collect();
        let mut page = SnapshotPage {
            next: next("a", &keys),
            ..SnapshotPage::default()
        };
        for row in rows {
            let id = row.id;
            let found =
                Approval::from_row(row).map_err(|error| Error::corrupt("approval", "row", id, error))?;
            page.changes.push(change::told(&Change::Approval(found)));
        }
        Ok(page)
    }
}

/// Account and id.
type Key = (Uuid, Uuid);

/// Rows after a key.
fn beyond(account: impl ColumnTrait, id: impl ColumnTrait, after: Option<Key>) -> Condition {
    let Some(after) = after else {
        return Condition::all();
    };
    let same = Condition::all().add(account.eq(after.0)).add(id.gt(after.1));
    Condition::any().add(account.gt(after.0)).add(same)
}

/// Where the next page of a kind begins, where this one is full.
fn next(kind: &str, keys: &[Key]) -> Option<String> {
    let last = keys.last().filter(|_| keys.len() as u64 == ROWS)?;
    Some(format!("{kind}:{}/{}", last.0, last.1))
}

#[async_trait]
impl SnapshotSource for Snapshot {
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, Error> {
        let (kind, after) = from.and_then(|from| from.split_once(':')).unwrap_or(("p", ""));
        let key = after.split_once('/');
        let key = key.and_then(|(account, id)| Some((account.parse().ok()?, id.parse().ok()?)));
        match kind {
            "p" => self.products(after).await,
            "i" => self.invitations(key).await,
            _ => self.approvals(key).await,
        }
    }
}
