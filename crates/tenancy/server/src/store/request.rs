//! Answers to requests that may be repeated.

use async_trait::async_trait;
use bailiwick_sql::{Error, UniqueKey, execute, rows};
use bailiwick_tenancy_core::request::{Reader, Record, RequestKey, Writer};
use bailiwick_types::{AccountId, AllAccounts, ScopeRoot, Service, StoreError, Timestamp, Token};
use sea_orm::EntityTrait;
use uuid::Uuid;

use super::{
    SqlStore,
    convert::{number, stored},
    entity::request::{Entity, Model},
    unit::{AllUnit, Tx, Unit, WriteUnit},
};

const KEY: UniqueKey = UniqueKey {
    name: "pk_request",
    table: "request",
    columns: &["caller", "id"],
};

async fn find(tx: &impl Tx, caller: &str, id: Uuid) -> Result<Option<Record>, Error> {
    let row = Entity::find_by_id((caller.to_owned(), id)).one(tx.conn()).await?;
    let Some(row) = row else { return Ok(None) };
    let answer = serde_json::from_str(&row.answer);
    let root = ScopeRoot::Account(AccountId::from_uuid(row.account_id));
    let epoch = tx.epoch().await?;
    Ok(Some(Record {
        digest: row.digest,
        answer: answer.map_err(|error| Error::corrupt("request", "answer", row.id, error))?,
        token: Token::of(Service::Tenancy, &epoch, root, number(row.revision)),
    }))
}

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_request(&mut self, caller: &str, id: Uuid) -> Result<Option<Record>, StoreError> {
        Ok(find(self.tx(), caller, id).await?)
    }
}

#[async_trait]
impl Reader for AllUnit {
    async fn find_request(&mut self, caller: &str, id: Uuid) -> Result<Option<Record>, StoreError> {
        Ok(find(&self.0, caller, id).await?)
    }
}

#[async_trait]
impl Writer for WriteUnit {
    async fn record_request(
        &mut self,
        key: &RequestKey,
        answer: serde_json::Value,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let row = Model {
            caller: key.caller.clone(),
            id: key.id,
            account_id: self.account().uuid(),
            digest: key.digest.clone(),
            answer: answer.to_string(),
            revision: stored(self.next_revision()?),
            created_at: at.0,
        };
        match rows::insert(self.conn(), row).await {
            Err(error) if error.violates(&KEY) => {
                Err(StoreError::conflict("a concurrent request has the same id"))
            }
            done => Ok(done?),
        }
    }
}

impl SqlStore {
    /// Deletes the oldest answers before an instant, a limited number at a time; false where more may be
    /// left.
    pub(crate) async fn purge_requests(&self, _: AllAccounts, before: Timestamp) -> Result<bool, Error> {
        const ROWS: u64 = 1000;
        let tx = self.db.begin_write_across(&[]).await?;
        let sql = "DELETE FROM request WHERE (caller, id) IN \
                   (SELECT caller, id FROM request WHERE created_at < $1 ORDER BY created_at LIMIT 1000)";
        let deleted = execute(tx.conn(), sql, vec![before.0.into()]).await?;
        tx.commit().await?;
        Ok(deleted < ROWS)
    }
}
