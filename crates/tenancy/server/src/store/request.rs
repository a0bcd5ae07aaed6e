//! What repeated requests made.

use async_trait::async_trait;
use bailiwick_sql::{Db, Error, UniqueKey, statement};
use bailiwick_tenancy_core::{
    request::{Reader, Record, RequestKey, Writer},
    store::StoreError,
};
use bailiwick_types::{AccountId, Timestamp};
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};
use uuid::Uuid;

use super::{
    convert::{number, stored},
    entity::request::{ActiveModel, Entity},
    error::{db_error, store_error},
    unit::{Tx, Unit, WriteUnit},
};

const KEY: UniqueKey = UniqueKey {
    name: "pk_request",
    table: "request",
    columns: &["caller", "id"],
};

#[async_trait]
impl<T: Tx> Reader for Unit<T> {
    async fn find_request(&mut self, caller: &str, id: Uuid) -> Result<Option<Record>, StoreError> {
        let row = Entity::find_by_id((caller.to_owned(), id))
            .one(self.conn())
            .await
            .map_err(db_error)?;
        let Some(row) = row else { return Ok(None) };
        let answer = serde_json::from_str(&row.answer);
        let account = AccountId::from_uuid(row.account_id);
        Ok(Some(Record {
            digest: row.digest,
            answer: answer
                .map_err(|error| store_error(Error::corrupt("request", "answer", row.id, error)))?,
            token: self.token_at(account, number(row.revision)).await?,
        }))
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
        let (account, revision) = self.next()?;
        let row = ActiveModel {
            caller: Set(key.caller.clone()),
            id: Set(key.id),
            account_id: Set(account.uuid()),
            digest: Set(key.digest.clone()),
            answer: Set(answer.to_string()),
            revision: Set(stored(revision)),
            created_at: Set(at.0),
        };
        let done = Entity::insert(row)
            .exec_without_returning(self.conn())
            .await
            .map_err(Error::from);
        match done {
            Err(error) if error.violates(&KEY) => Err(StoreError::Conflict),
            done => done.map(drop).map_err(store_error),
        }
    }
}

/// Forgets what requests made before an instant, some rows at a time; false where there may be more.
pub(crate) async fn forget_requests(db: &Db, before: Timestamp) -> Result<bool, Error> {
    const ROWS: u64 = 1000;
    let tx = db.begin_write_across(&[]).await?;
    let sql = "DELETE FROM request WHERE (caller, id) IN \
               (SELECT caller, id FROM request WHERE created_at < $1 ORDER BY created_at LIMIT 1000)";
    let done = tx
        .conn()
        .execute_raw(statement(tx.conn(), sql, vec![before.0.into()]))
        .await?;
    tx.commit().await?;
    Ok(done.rows_affected() < ROWS)
}
