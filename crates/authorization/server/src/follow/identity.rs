//! Takes in users and service accounts.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_authorization_core::{
    Selects as _,
    follow::{Way, person_changed, person_gone, service_account_changed, service_account_gone},
    member::Reader as _,
};
use bailiwick_proto::events::v1::change::Change;
use bailiwick_sql::{
    Db, WriteTx,
    follow::{ApplyError, Event, FeedSink, Run},
    statement,
};
use bailiwick_types::{AccountId, ScopeRoot, ServiceAccountId, Subject, UserId};
use sea_orm::{ConnectionTrait, DbBackend};
use uuid::Uuid;

use super::{Tools, content, failed, read, read::Origin, refused};
use crate::store::Tx;

/// What users are called in the marks of a snapshot.
const USER: &str = "user";
/// What service accounts are called there.
const SERVICE: &str = "service";

/// Takes in what identity tells.
#[derive(Clone)]
pub(crate) struct IdentitySink {
    pub(crate) tools: Tools,
}

impl IdentitySink {
    async fn roots_of(&self, db: &Db, bytes: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        match read::change(bytes)? {
            Some(Change::UserChanged(of)) => {
                let user: UserId = of.user.parse().map_err(|error| content("user", error))?;
                let mut roots = self.accounts(db, user).await?;
                roots.push(ScopeRoot::Deployment);
                Ok(roots)
            }
            Some(Change::ServiceAccountChanged(of)) => {
                let scope = of.scope.parse().map_err(|error| content("scope", error))?;
                Ok(vec![ScopeRoot::Deployment, scope])
            }
            _ => Ok(Vec::new()),
        }
    }
    async fn accounts(&self, db: &Db, user: UserId) -> Result<Vec<ScopeRoot>, ApplyError> {
        let tx = Tx::new(db.begin_read_across().await?, self.tools.products.clone());
        let accounts = tx.accounts_of(&Subject::user(user)).await.map_err(failed)?;
        Ok(accounts.into_iter().map(ScopeRoot::Account).collect())
    }
    /// `accounts` are those whose rows the transaction holds.
    async fn take(
        &self,
        tx: &mut Tx<&mut WriteTx>,
        accounts: &[AccountId],
        from: &Origin,
        change: Change,
    ) -> Result<(), ApplyError> {
        match change {
            Change::UserChanged(of) => {
                let told = read::person(of, from)?;
                person_changed(tx, accounts, told).await.map_err(refused)
            }
            Change::ServiceAccountChanged(of) => {
                let told = read::service_account(of, from)?;
                let (ids, now) = (&*self.tools.ids, self.tools.clock.now());
                if let ScopeRoot::Account(account) = &told.root {
                    tx.select(self.tools.system.account(*account).read());
                }
                service_account_changed(tx, ids, now, told, from.way)
                    .await
                    .map_err(refused)
            }
            _ => Ok(()),
        }
    }
}

fn held(roots: Vec<ScopeRoot>) -> Vec<AccountId> {
    let account = |root| match root {
        ScopeRoot::Account(account) => Some(account),
        _ => None,
    };
    roots.into_iter().filter_map(account).collect()
}

#[async_trait]
impl FeedSink for IdentitySink {
    async fn roots(&self, db: &Db, event: &Event) -> Result<Vec<ScopeRoot>, ApplyError> {
        let mut roots = Vec::new();
        for bytes in &event.changes {
            roots.extend(self.roots_of(db, bytes).await?);
        }
        Ok(roots)
    }
    async fn apply(&self, tx: &mut WriteTx, epoch: &Arc<str>, event: &Event) -> Result<(), ApplyError> {
        let accounts = held(tx.roots());
        let from = Origin {
            epoch: Arc::clone(epoch),
            way: Way::Event,
        };
        let mut tx = Tx::new(tx, self.tools.products.clone());
        for bytes in &event.changes {
            if let Some(change) = read::change(bytes)? {
                self.take(&mut tx, &accounts, &from, change).await?;
            }
        }
        tx.flush().await.map_err(failed)
    }
    async fn item_roots(&self, db: &Db, item: &[u8]) -> Result<Vec<ScopeRoot>, ApplyError> {
        self.roots_of(db, item).await
    }
    async fn apply_item(&self, tx: &mut WriteTx, run: &Run, item: &[u8]) -> Result<(), ApplyError> {
        let Some(change) = read::change(item)? else {
            return Ok(());
        };
        match &change {
            Change::UserChanged(of) => {
                let id: UserId = of.user.parse().map_err(|error| content("user", error))?;
                run.saw(tx, USER, &[id.uuid().simple().to_string()]).await?;
            }
            Change::ServiceAccountChanged(of) => {
                let id: ServiceAccountId = of
                    .service_account
                    .parse()
                    .map_err(|error| content("service_account", error))?;
                run.saw(tx, SERVICE, &[id.uuid().simple().to_string()]).await?;
            }
            _ => {}
        }
        let accounts = held(tx.roots());
        let from = Origin {
            epoch: Arc::clone(run.epoch()),
            way: Way::Snapshot,
        };
        let mut tx = Tx::new(tx, self.tools.products.clone());
        self.take(&mut tx, &accounts, &from, change).await?;
        tx.flush().await.map_err(failed)
    }
    /// Whoever the snapshot did not name is disabled: what it had may have to be looked at.
    async fn sweep(&self, db: &Db, run: &Run) -> Result<(), ApplyError> {
        for id in unseen(db, run, ("user_state", "user_id"), USER, "state <> 3").await? {
            let user = UserId::from_uuid(id);
            let mut roots = self.accounts(db, user).await?;
            roots.push(ScopeRoot::Deployment);
            let mut tx = db.begin_write_across(&roots).await?;
            run.hold(&tx).await?;
            let accounts = held(roots);
            let mut unit = Tx::new(&mut tx, self.tools.products.clone());
            person_gone(&mut unit, &accounts, user, run.epoch())
                .await
                .map_err(refused)?;
            unit.flush().await.map_err(failed)?;
            tx.commit().await?;
        }
        for id in unseen(db, run, ("service_state", "service_id"), SERVICE, "enabled").await? {
            let id = ServiceAccountId::from_uuid(id);
            let read = Tx::new(db.begin_read_across().await?, self.tools.products.clone());
            let known = bailiwick_authorization_core::person::Reader::service_account(&read, id).await;
            let Some(known) = known.map_err(failed)? else {
                continue;
            };
            drop(read);
            let mut tx = db
                .begin_write_across(&[ScopeRoot::Deployment, known.root.clone()])
                .await?;
            run.hold(&tx).await?;
            let mut unit = Tx::new(&mut tx, self.tools.products.clone());
            if let ScopeRoot::Account(account) = &known.root {
                unit.select(self.tools.system.account(*account).read());
            }
            service_account_gone(&mut unit, id, run.epoch())
                .await
                .map_err(failed)?;
            unit.flush().await.map_err(failed)?;
            tx.commit().await?;
        }
        Ok(())
    }
    fn redact(&self, change: &[u8]) -> Option<Vec<u8>> {
        bailiwick_feed::without_personal_data(change)
    }
}

async fn unseen(
    db: &Db,
    run: &Run,
    (table, column): (&str, &str),
    kind: &'static str,
    only: &str,
) -> Result<Vec<Uuid>, ApplyError> {
    let item = if db.backend() == DbBackend::Postgres {
        format!("replace({table}.{column}::text, '-', '')")
    } else {
        format!("lower(hex({table}.{column}))")
    };
    let sql = format!(
        "SELECT {column} AS id FROM {table} WHERE {only} AND {}",
        run.unseen(kind, &item)
    );
    let conn = db.load();
    let rows = conn
        .query_all_raw(statement(conn, sql, vec![]))
        .await
        .map_err(bailiwick_sql::Error::from)?;
    let id = |row: &sea_orm::QueryResult| row.try_get("", "id").map_err(bailiwick_sql::Error::from);
    Ok(rows.iter().map(id).collect::<Result<_, _>>()?)
}
