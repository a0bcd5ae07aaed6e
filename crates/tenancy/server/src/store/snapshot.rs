//! The current state, for new followers of the feed.

use std::collections::HashSet;

use async_trait::async_trait;
use bailiwick_feed::{Known, SnapshotPage, SnapshotSource};
use bailiwick_sql::{Db, Error, follow::Thing};
use bailiwick_tenancy_core::{account::Account, place::Place, settings::Settings};
use bailiwick_types::{AccountId, ScopeRoot};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::{account, place, settings};
use crate::event::{account_changed, place_changed, settings_changed};

/// Accounts of a page.
const ACCOUNTS: u64 = 100;
/// Places of a page.
const PLACES: u64 = 1000;

/// Reads tenancy's state: accounts in the order of their ids, then places in the order of account and id.
/// Deleted ones are included, so that a follower removes what it has of them.
#[derive(Debug, Clone)]
pub struct TenancySnapshot {
    db: Db,
}

impl TenancySnapshot {
    /// The state of this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
    async fn accounts(&self, after: Option<Uuid>) -> Result<SnapshotPage, Error> {
        let tx = self.db.begin_read_across().await?;
        let mut select = account::Entity::find()
            .order_by_asc(account::Column::Id)
            .limit(ACCOUNTS);
        if let Some(after) = after {
            select = select.filter(account::Column::Id.gt(after));
        }
        let rows = select.all(tx.conn()).await?;
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let own = settings::Entity::find().filter(settings::Column::AccountId.is_in(ids.clone()));
        let own = own
            .order_by_asc(settings::Column::AccountId)
            .all(tx.conn())
            .await?;
        let roots: Vec<ScopeRoot> = ids
            .iter()
            .map(|id| ScopeRoot::Account(AccountId::from_uuid(*id)))
            .collect();
        let standing = tx.standing(&roots).await?;
        let next = match ids.last().filter(|_| ids.len() as u64 == ACCOUNTS) {
            Some(last) => format!("a{last}"),
            None => "p".to_owned(),
        };
        let mut page = SnapshotPage {
            revisions: roots.into_iter().zip(standing.revisions).collect(),
            next: Some(next),
            ..SnapshotPage::default()
        };
        for row in rows {
            page.changes.push(account_changed(Account::try_from(row)?, true));
        }
        for row in own {
            page.changes.push(settings_changed(Settings::try_from(row)?));
        }
        Ok(page)
    }
    async fn places(&self, after: Option<(Uuid, i16, Uuid)>) -> Result<SnapshotPage, Error> {
        use sea_orm::sea_query::{Expr, ExprTrait};
        let tx = self.db.begin_read_across().await?;
        // An instance comes before the workspaces in it: its level is the lower number.
        let mut select = place::Entity::find()
            .order_by_asc(place::Column::AccountId)
            .order_by_asc(place::Column::Level)
            .order_by_asc(place::Column::Id)
            .limit(PLACES);
        if let Some((account, level, id)) = after {
            let columns = [place::Column::AccountId, place::Column::Level, place::Column::Id];
            let row = Expr::tuple(columns.map(Expr::col));
            select =
                select.filter(row.gt(Expr::tuple([Expr::val(account), Expr::val(level), Expr::val(id)])));
        }
        let rows = select.all(tx.conn()).await?;
        let last = rows.last().filter(|_| rows.len() as u64 == PLACES);
        let mut page = SnapshotPage {
            next: last.map(|row| format!("p{}/{}/{}", row.account_id, row.level, row.id)),
            ..SnapshotPage::default()
        };
        for row in rows {
            page.changes.push(place_changed(Place::try_from(row)?));
        }
        Ok(page)
    }
}

#[async_trait]
impl SnapshotSource for TenancySnapshot {
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, Error> {
        let Some(from) = from else {
            return self.accounts(None).await;
        };
        let wrong = || Error::corrupt("place", "page", "snapshot", "is not a page of this snapshot");
        let uuid = |text: &str| Uuid::parse_str(text).map_err(|_| wrong());
        if let Some(after) = from.strip_prefix('a') {
            return self.accounts(Some(uuid(after)?)).await;
        }
        let after: Vec<&str> = from.strip_prefix('p').ok_or_else(wrong)?.split('/').collect();
        match after.as_slice() {
            [""] => self.places(None).await,
            [account, level, id] => {
                let level = level.parse().map_err(|_| wrong())?;
                self.places(Some((uuid(account)?, level, uuid(id)?))).await
            }
            _ => Err(wrong()),
        }
    }
}

#[async_trait]
impl Known for TenancySnapshot {
    async fn known(&self, things: &[Thing]) -> Result<HashSet<Thing>, Error> {
        let tx = self.db.begin_read_across().await?;
        let accounts = things.iter().filter_map(|thing| match thing {
            Thing::Account(account) | Thing::Settings(account) => Some(account.uuid()),
            _ => None,
        });
        let places = things.iter().filter_map(|thing| match thing {
            Thing::Place(_, scope) => scope.uuid(),
            _ => None,
        });
        let accounts: HashSet<Uuid> = account::Entity::find()
            .select_only()
            .column(account::Column::Id)
            .filter(account::Column::Id.is_in(accounts))
            .into_tuple()
            .all(tx.conn())
            .await?
            .into_iter()
            .collect();
        let places: HashSet<(Uuid, Uuid)> = place::Entity::find()
            .select_only()
            .columns([place::Column::AccountId, place::Column::Id])
            .filter(place::Column::Id.is_in(places))
            .into_tuple()
            .all(tx.conn())
            .await?
            .into_iter()
            .collect();
        let is_known = |thing: &&Thing| match thing {
            Thing::Account(account) | Thing::Settings(account) => accounts.contains(&account.uuid()),
            Thing::Place(account, scope) => {
                places.contains(&(account.uuid(), scope.uuid().unwrap_or_default()))
            }
            _ => false,
        };
        Ok(things.iter().filter(is_known).cloned().collect())
    }
}
