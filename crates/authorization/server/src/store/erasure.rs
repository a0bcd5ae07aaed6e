//! What is erased of a deleted user.

use async_trait::async_trait;
use bailiwick_authorization_core::{
    StoreError,
    erasure::{Reader, Writer},
    invitation::Invitation,
};
use bailiwick_feed::without_invited;
use bailiwick_types::{AccountId, EmailKey, ScopeRoot, Subject, UserId};
use sea_orm::{ColumnTrait, QueryFilter};

use super::{
    entity::invitation,
    store_error,
    tx::{ReadConn, Tx, WriteConn},
};

#[async_trait]
impl<T: ReadConn> Reader for Tx<T> {
    async fn accounts_naming(
        &self,
        subject: &Subject,
        address: &EmailKey,
    ) -> Result<Vec<AccountId>, StoreError> {
        let user = subject.user_id().map(UserId::uuid).unwrap_or_default();
        let sql = "SELECT account_id FROM member WHERE user_id = $1 \
                   UNION SELECT account_id FROM binding WHERE subject = $2 \
                   UNION SELECT account_id FROM group_member WHERE subject = $2 \
                   UNION SELECT account_id FROM entitlement WHERE subject = $2 \
                   UNION SELECT account_id FROM approval WHERE subject = $2 \
                   UNION SELECT account_id FROM quota WHERE subject = $2 \
                   UNION SELECT account_id FROM invitation WHERE email_key = $3 ORDER BY 1";
        let values = vec![
            user.into(),
            subject.to_string().into(),
            address.as_str().to_owned().into(),
        ];
        let account = |row: &sea_orm::QueryResult| {
            let id = row.try_get("", "account_id").map_err(store_error)?;
            Ok(AccountId::from_uuid(id))
        };
        self.rows(sql, values).await?.iter().map(account).collect()
    }
}

#[async_trait]
impl<T: WriteConn> Writer for Tx<T> {
    async fn forget_invited(&mut self, address: &EmailKey) -> Result<Vec<Invitation>, StoreError> {
        let account = self.account_id()?;
        let rows = self
            .own::<invitation::Entity>()?
            .filter(invitation::Column::EmailKey.eq(address.as_str()));
        let invited: Vec<Invitation> = self.list(rows).await?;
        let Some(first) = invited.iter().map(|one| one.created_at).min() else {
            return Ok(invited);
        };
        let root = ScopeRoot::Account(account);
        for one in &invited {
            self.delete::<invitation::Entity>((account.uuid(), one.id.uuid()))
                .await?;
            // What recognizes the request that made it names the address.
            let sql = "DELETE FROM idempotency WHERE root = $1 AND response = $2";
            let values = vec![root.to_string().into(), one.id.to_string().into()];
            self.run(sql, values).await?;
        }
        let without = |change: &[u8]| without_invited(change, address);
        let tx = self.held();
        tx.rewrite(&root, first, without).await.map_err(store_error)?;
        Ok(invited)
    }
}
