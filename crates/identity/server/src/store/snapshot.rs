//! The current state, for consumers of the feed that start from a snapshot: users, those that were deleted,
//! then service accounts, by id.

use std::collections::HashSet;

use async_trait::async_trait;
use bailiwick_feed::{Known, SnapshotPage, SnapshotSource};
use bailiwick_identity_core::{change::Change, service_account::ServiceAccount, user::User};
use bailiwick_sql::{Db, Error, ReadTx, follow::Thing};
use bailiwick_types::{ScopeRoot, ServiceAccountId, UserId};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{
    entity::{deleted_user, service_account, user_profile},
    version,
};
use crate::events;

const ROWS: u64 = 500;
/// Prefixes of the key of a page: its table.
const USERS: &str = "users:";
const DELETED: &str = "deleted:";
const SERVICES: &str = "services:";

/// Reads the current state from a database.
#[derive(Debug, Clone)]
pub struct Snapshot {
    db: Db,
}

impl Snapshot {
    /// The snapshots of a database.
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
        let users: Vec<User> = rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?;
        let roots: Vec<ScopeRoot> = users.iter().map(User::root).collect();
        let standing = tx.standing(&roots).await?;
        let next = match users.last() {
            Some(last) if full => format!("{USERS}{}", last.id),
            _ => DELETED.to_owned(),
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

    async fn deleted(&self, tx: &ReadTx, after: Option<UserId>) -> Result<SnapshotPage, Error> {
        let mut query = deleted_user::Entity::find();
        if let Some(after) = after {
            query = query.filter(deleted_user::Column::Id.gt(after.uuid()));
        }
        let rows = query.order_by_asc(deleted_user::Column::Id).limit(ROWS);
        let rows = rows.all(tx.conn()).await?;
        let full = rows.len() as u64 >= ROWS;
        let roots = rows.iter().map(|row| ScopeRoot::User(UserId::from_uuid(row.id)));
        let roots: Vec<ScopeRoot> = roots.collect();
        let next = match rows.last() {
            Some(last) if full => format!("{DELETED}{}", UserId::from_uuid(last.id)),
            _ => SERVICES.to_owned(),
        };
        let mut changes = Vec::with_capacity(rows.len());
        for row in rows {
            let user = UserId::from_uuid(row.id);
            let version = version("deleted_user", user, row.version)?;
            changes.push(events::event(Change::UserDeleted { user, version }));
        }
        let standing = tx.standing(&roots).await?;
        Ok(SnapshotPage {
            changes,
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
        let accounts = rows.into_iter().map(ServiceAccount::try_from);
        let accounts: Vec<_> = accounts.collect::<Result<_, _>>()?;
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
        if let Some(after) = from.strip_prefix(DELETED) {
            return self.deleted(&tx, after.parse().ok()).await;
        }
        let after = from.strip_prefix(USERS).and_then(|id| id.parse().ok());
        self.users(&tx, after).await
    }
}

#[async_trait]
impl Known for Snapshot {
    async fn known(&self, things: &[Thing]) -> Result<HashSet<Thing>, Error> {
        let tx = self.db.begin_read_across().await?;
        let users = things.iter().filter_map(|thing| match thing {
            Thing::User(user) => Some(user.uuid()),
            _ => None,
        });
        let services = things.iter().filter_map(|thing| match thing {
            Thing::ServiceAccount(account) => Some(account.uuid()),
            _ => None,
        });
        let users: HashSet<Uuid> = user_profile::Entity::find()
            .select_only()
            .column(user_profile::Column::Id)
            .filter(user_profile::Column::Id.is_in(users))
            .into_tuple()
            .all(tx.conn())
            .await?
            .into_iter()
            .collect();
        let services: HashSet<Uuid> = service_account::Entity::find()
            .select_only()
            .column(service_account::Column::Id)
            .filter(service_account::Column::Id.is_in(services))
            .into_tuple()
            .all(tx.conn())
            .await?
            .into_iter()
            .collect();
        let is_known = |thing: &&Thing| match thing {
            Thing::User(user) => users.contains(&user.uuid()),
            Thing::ServiceAccount(account) => services.contains(&account.uuid()),
            _ => false,
        };
        Ok(things.iter().filter(is_known).cloned().collect())
    }
}
