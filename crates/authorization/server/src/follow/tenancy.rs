//! Takes in accounts, places and settings.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    Change as Told, Selects as _, Write as _,
    account::Writer as _,
    follow::{Way, account_changed, place_changed, settings_changed},
};
use bailiwick_policy::PlaceState;
use bailiwick_proto::events::v1::change::Change;
use bailiwick_sql::{
    Db, WriteTx,
    follow::{ApplyError, Event, FeedSink, Run},
    statement,
};
use bailiwick_types::{AccountId, Scope, ScopeRoot};
use sea_orm::{ConnectionTrait, DbBackend};
use uuid::Uuid;

use super::{Tools, content, failed, read, read::Origin, refused};
use crate::store::{Tx, account_and_places};

/// What accounts are called in the marks of a snapshot.
const ACCOUNT: &str = "account";
/// What instances and workspaces are called there.
const PLACE: &str = "place";

/// Takes in what tenancy tells.
#[derive(Clone)]
pub(crate) struct TenancySink(pub(crate) Tools);

fn account_of(change: &Change) -> Option<&str> {
    match change {
        Change::AccountChanged(of) => Some(&of.account),
        Change::PlaceChanged(of) => Some(&of.account),
        Change::SettingsChanged(of) => Some(&of.account),
        _ => None,
    }
}

fn roots_of<'b>(changes: impl IntoIterator<Item = &'b [u8]>) -> Result<Vec<ScopeRoot>, ApplyError> {
    let mut roots = Vec::new();
    for bytes in changes {
        let Some(change) = read::change(bytes)? else {
            continue;
        };
        let Some(account) = account_of(&change) else {
            continue;
        };
        let account: AccountId = account.parse().map_err(|error| content("account", error))?;
        roots.push(ScopeRoot::Account(account));
    }
    Ok(roots)
}

impl TenancySink {
    async fn take(&self, tx: &mut Tx<&mut WriteTx>, from: &Origin, change: Change) -> Result<(), ApplyError> {
        let (ids, now) = (&*self.0.ids, self.0.clock.now());
        if let Some(account) = account_of(&change) {
            let account = account.parse().map_err(|error| content("account", error))?;
            tx.select(self.0.system.account(account).read());
        }
        let done = match change {
            Change::AccountChanged(of) => account_changed(tx, ids, now, read::account(of, from)?).await,
            Change::PlaceChanged(of) => place_changed(tx, ids, now, read::place(of, from)?).await,
            Change::SettingsChanged(of) => settings_changed(tx, read::settings(of, from)?).await,
            _ => Ok(()),
        };
        done.map_err(refused)
    }
}

#[async_trait]
impl FeedSink for TenancySink {
    async fn roots(&self, _: &Db, event: &Event) -> Result<Vec<ScopeRoot>, ApplyError> {
        roots_of(event.changes.iter().map(Vec::as_slice))
    }
    async fn apply(&self, tx: &mut WriteTx, epoch: &Arc<str>, event: &Event) -> Result<(), ApplyError> {
        let from = Origin {
            epoch: Arc::clone(epoch),
            way: Way::Event,
        };
        let mut tx = Tx::new(tx, self.0.products.clone());
        for bytes in &event.changes {
            if let Some(change) = read::change(bytes)? {
                self.take(&mut tx, &from, change).await?;
            }
        }
        tx.flush().await.map_err(failed)
    }
    async fn item_roots(&self, _: &Db, item: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        roots_of([item])
    }
    async fn apply_item(&self, tx: &mut WriteTx, run: &Run, item: &[u8]) -> Result<(), ApplyError> {
        let Some(change) = read::change(item)? else {
            return Ok(());
        };
        match &change {
            Change::AccountChanged(of) => {
                let id: AccountId = of.account.parse().map_err(|error| content("account", error))?;
                run.saw(tx, ACCOUNT, &[mark(id.uuid())]).await?;
            }
            Change::PlaceChanged(of) => {
                let scope: Scope = of.scope.parse().map_err(|error| content("scope", error))?;
                run.saw(tx, PLACE, &[mark(scope.uuid().unwrap_or_default())])
                    .await?;
            }
            _ => {}
        }
        let from = Origin {
            epoch: Arc::clone(run.epoch()),
            way: Way::Snapshot,
        };
        let mut tx = Tx::new(tx, self.0.products.clone());
        self.take(&mut tx, &from, change).await?;
        tx.flush().await.map_err(failed)
    }
    async fn sweep(&self, db: &Db, run: &Run) -> Result<(), ApplyError> {
        for (table, kind, account) in [("account", ACCOUNT, "id"), ("place", PLACE, "account_id")] {
            let unseen = run.unseen(kind, &marked(db, table));
            let sql = format!("SELECT {account} AS account, id FROM {table} WHERE state <> 4 AND {unseen}");
            let conn = db.load();
            let rows = conn
                .query_all_raw(statement(conn, sql, vec![]))
                .await
                .map_err(bailiwick_sql::Error::from)?;
            for row in rows {
                let account: Uuid = row.try_get("", "account").map_err(bailiwick_sql::Error::from)?;
                let id: Uuid = row.try_get("", "id").map_err(bailiwick_sql::Error::from)?;
                self.remove(db, run, AccountId::from_uuid(account), id).await?;
            }
        }
        Ok(())
    }
}

impl TenancySink {
    /// What the snapshot did not name is gone: nothing is allowed there any more.
    async fn remove(&self, db: &Db, run: &Run, account: AccountId, id: Uuid) -> Result<(), ApplyError> {
        let root = ScopeRoot::Account(account);
        let mut tx = db.begin_write_across(std::slice::from_ref(&root)).await?;
        run.hold(&tx).await?;
        let unit = Tx::new(&mut tx, self.0.products.clone());
        let mut unit = unit.of_account(self.0.system.account(account).read());
        let (of, places) = account_and_places(&unit, id).await.map_err(failed)?;
        if id == account.uuid() {
            if let Some(mut of) = of {
                of.state = PlaceState::Deleted;
                unit.put_account(&of).await.map_err(failed)?;
                unit.emit(root.clone(), Told::from(&of));
            }
        } else {
            for mut place in places {
                place.state = PlaceState::Deleted;
                unit.put_place(&place).await.map_err(failed)?;
                unit.emit(root.clone(), Told::from(&place));
            }
        }
        unit.flush().await.map_err(failed)?;
        tx.commit().await?;
        Ok(())
    }
}

/// A UUID as it stands in the marks of a snapshot.
fn mark(id: Uuid) -> String {
    id.simple().to_string()
}

/// The SQL expression for the same.
fn marked(db: &Db, table: &str) -> String {
    if db.backend() == DbBackend::Postgres {
        format!("replace({table}.id::text, '-', '')")
    } else {
        format!("lower(hex({table}.id))")
    }
}
