//! Answered requests.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    request::{Answered, Reader, Writer},
};
use bailiwick_types::{ScopeRoot, Timestamp};

use super::{
    convert::set,
    entity::idempotency,
    tx::{ReadConn, Tx, WriteConn},
};

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn answered(&self, root: &ScopeRoot, request_id: &str) -> Result<Option<Answered>, StoreError> {
        let key = (root.to_string(), request_id.to_owned());
        let row = self.row::<idempotency::Entity>(key).await?;
        Ok(row.map(|row| Answered {
            method: row.method,
            digest: row.digest,
            response: row.response,
        }))
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn keep_answer(
        &mut self,
        root: &ScopeRoot,
        request_id: &str,
        answer: &Answered,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = idempotency::ActiveModel {
            root: set(root.to_string()),
            request_id: set(request_id.to_owned()),
            method: set(answer.method.clone()),
            digest: set(answer.digest.clone()),
            response: set(answer.response.clone()),
            created_at: set(now.0),
        };
        self.insert(row).await
    }
}
