//! Takes in accounts, places and settings.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    Change as Told, Error, Selects as _, Write as _,
    account::Writer as _,
    follow::{PlaceTold, Way, account_changed, place_changed, settings_changed},
    relocation::{Relocation, arrive_unasked},
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
use crate::store::{Tx, account_and_places, left_at};

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

/// The accounts whose revisions the changes may count up.
async fn roots_of<'b>(
    db: &Db,
    changes: impl IntoIterator<Item = &'b [u8]>,
) -> Result<Vec<ScopeRoot>, ApplyError> {
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
        let Change::PlaceChanged(of) = &change else {
            continue;
        };
        let scope: Scope = of.scope.parse().map_err(|error| content("scope", error))?;
        let Scope::Workspace(workspace) = scope else {
            continue;
        };
        let mut from = None;
        if !of.moved_from.is_empty() {
            let of = of.moved_from.parse();
            from = Some(of.map_err(|error| content("moved_from", error))?);
        }
        let left = left_at(db.load(), workspace.uuid(), (account, from)).await?;
        roots.extend(left.map(ScopeRoot::Account));
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
            Change::PlaceChanged(of) => {
                let told = read::place(of, from)?;
                self.arrive(tx, &told).await?;
                place_changed(tx, ids, now, told).await
            }
            Change::SettingsChanged(of) => settings_changed(tx, read::settings(of, from)?).await,
            _ => Ok(()),
        };
        done.map_err(refused)
    }
}

impl TenancySink {
    /// Moves what is known of a workspace at another account, where it opens at this one and no call has
    /// moved it: authorization was restored to a time before the move, or tenancy to one before a move back.
    async fn arrive(&self, tx: &mut Tx<&mut WriteTx>, told: &PlaceTold) -> Result<(), ApplyError> {
        let Scope::Workspace(workspace) = &told.scope else {
            return Ok(());
        };
        let (_, places) = account_and_places(tx, workspace.uuid()).await.map_err(failed)?;
        let before = places.iter().find(|place| place.scope == told.scope);
        if !told.opens_after(before) {
            return Ok(());
        }
        let accounts = (told.account, told.moved_from);
        let Some(account) = tx.left_at(workspace.uuid(), accounts).await? else {
            return Ok(());
        };
        let of = Relocation {
            account,
            scope: told.scope.clone(),
            target: told.account,
            parent: told.parent.clone(),
            version: told.version.clone(),
            mover: None,
        };
        let (ids, now) = (&*self.0.ids, self.0.clock.now());
        let arrived = arrive_unasked(tx, ids, now, &self.0.system, &of).await;
        arrived.map_err(|error| match error {
            Error::Store(error) => failed(error),
            error => ApplyError::Content(error.to_string()),
        })?;
        tx.select(self.0.system.account(told.account).read());
        Ok(())
    }
}

#[async_trait]
impl FeedSink for TenancySink {
    async fn roots(&self, db: &Db, event: &Event) -> Result<Vec<ScopeRoot>, ApplyError> {
        roots_of(db, event.changes.iter().map(Vec::as_slice)).await
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
    async fn item_roots(&self, db: &Db, item: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        roots_of(db, [item]).await
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
                let account: AccountId = of.account.parse().map_err(|error| content("account", error))?;
                // A workspace that moved has a row in each account that it was in.
                let own = mark(scope.uuid().unwrap_or_default());
                run.saw(tx, PLACE, &[mark(account.uuid()) + &own]).await?;
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
            let mut key = marked(db, &format!("{table}.id"));
            if kind == PLACE {
                key = format!("{} || {key}", marked(db, "place.account_id"));
            }
            let unseen = run.unseen(kind, &key);
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
    fn redact(&self, change: &[u8]) -> Option<Vec<u8>> {
        bailiwick_feed::without_personal_data(change)
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
fn marked(db: &Db, column: &str) -> String {
    if db.backend() == DbBackend::Postgres {
        format!("replace({column}::text, '-', '')")
    } else {
        format!("lower(hex({column}))")
    }
}

#[cfg(test)]
mod tests;
