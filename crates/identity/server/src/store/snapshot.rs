//! The present state, for consumers of the feed that start anew: users, then service accounts, by id.

use async_trait::async_trait;
use bailiwick_feed::{SnapshotPage, SnapshotSource};
use bailiwick_identity_core::{change::Change, service_account::ServiceAccount, user::User};
use bailiwick_sql::{Db, Error, ReadTx};
use bailiwick_types::{ScopeRoot, ServiceAccountId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::{service_account, user_profile};
use crate::events;

const ROWS: u64 = 500;
/// What stands before the key of the page: which table it is in.
const USERS: &str = "users:";
const SERVICES: &str = "services:";

/// Reads the state of a database.
#[derive(Debug, Clone)]
pub struct Snapshot {
    db: Db,
}

impl Snapshot {
    /// Of this database.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }

    async fn users(&self, tx: &ReadTx, after: Option<UserId>) -> Result<SnapshotPage, Error> {
        let mut query = user_profile::Entity::find();
        if let Some(after) = after {
            query = query.filter(user_profile::Column::Id.gt(after.uuid()));
        }
        let rows = query
            .order_by_asc(user_profile::Column::Id)
            .limit(ROWS)
            .all(tx.conn())
            .await?;
        let full = rows.len() as u64 >= ROWS;
        let mut users = Vec::with_capacity(rows.len());
        for row in rows {
            let id = UserId::from_uuid(row.id);
            users.push(User::try_from(row).map_err(|e| Error::corrupt("user_profile", "id", id, e))?);
        }
        let roots: Vec<ScopeRoot> = users.iter().map(User::root).collect();
        let standing = tx.standing(&roots).await?;
        let next = match users.last() {
            Some(last) if full => format!("{USERS}{}", last.id),
            _ => SERVICES.to_owned(),
        };
        Ok(SnapshotPage {
            changes: users
                .into_iter()
                .map(|user| events::event(Change::User(user)))
                .collect(),
            revisions: roots.into_iter().zip(standing.revisions).collect(),
            next: Some(next),
        })
    }

    async fn services(&self, tx: &ReadTx, after: Option<ServiceAccountId>) -> Result<SnapshotPage, Error> {
        let mut query = service_account::Entity::find();
        if let Some(after) = after {
            query = query.filter(service_account::Column::Id.gt(after.uuid()));
        }
        let rows = query
            .order_by_asc(service_account::Column::Id)
            .limit(ROWS)
            .all(tx.conn())
            .await?;
        let full = rows.len() as u64 >= ROWS;
        let mut accounts = Vec::with_capacity(rows.len());
        for row in rows {
            let id = ServiceAccountId::from_uuid(row.id);
            let account = ServiceAccount::try_from(row);
            accounts.push(account.map_err(|e| Error::corrupt("service_account", "id", id, e))?);
        }
        let next = match accounts.last() {
            Some(last) if full => Some(format!("{SERVICES}{}", last.id)),
            _ => None,
        };
        let standing = tx.standing(&[ScopeRoot::Deployment]).await?;
        Ok(SnapshotPage {
            changes: accounts
                .into_iter()
                .map(|a| events::event(Change::ServiceAccount(a)))
                .collect(),
            revisions: standing
                .revisions
                .into_iter()
                .map(|r| (ScopeRoot::Deployment, r))
                .collect(),
            next,
        })
    }
}

#[async_trait]
impl SnapshotSource for Snapshot {
    async fn page(&self, from: Option<&str>) -> Result<SnapshotPage, Error> {
        let tx = self.db.begin_read_across().await?;
        let from = from.unwrap_or(USERS);
        if let Some(after) = from.strip_prefix(SERVICES) {
            return self.services(&tx, after.parse().ok()).await;
        }
        let after = from.strip_prefix(USERS).and_then(|id| id.parse().ok());
        self.users(&tx, after).await
    }
}
