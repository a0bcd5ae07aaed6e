//! What a subject has in an account, as the writing transaction sees it.

use async_trait::async_trait;
use bailiwick_authorization_core::{Standing, StandingReader, StoreError};
use bailiwick_policy::AccountPolicy;
use bailiwick_types::Subject;
use sea_orm::ConnectionTrait;

use super::{
    store_error,
    subjects::{self, Extent},
    tx::{ReadConn, Tx},
};

/// In place of the revisions of a snapshot: the transaction sees its own writes, which no revision names yet.
const NO_STAMP: &str = "SELECT CAST('' AS text) AS epoch, CAST(0 AS bigint) AS deployment, \
                        CAST(0 AS bigint) AS product, CAST(0 AS bigint) AS account, CAST(0 AS bigint) AS manifest";

#[async_trait]
impl<T: ReadConn> StandingReader for Tx<T> {
    async fn standing(
        &self,
        policy: &AccountPolicy,
        subject: &Subject,
        whole: bool,
    ) -> Result<Standing, StoreError> {
        let account = self.account_id()?;
        let extent = if whole { Extent::Whole } else { Extent::Scopes };
        let sql = subjects::sql(self.conn().get_database_backend(), NO_STAMP, extent);
        let values = subjects::values(account, &[subject.to_string()], subject.user_id());
        let rows = self.rows(&sql, values).await?;
        let mut read = subjects::read(&rows, subject.user_id()).map_err(store_error)?;
        read.rows.sort_by_key(|rows| rows.subject != *subject);
        Ok(Standing {
            disabled: read.disabled,
            sets: read.rows.into_iter().map(|rows| rows.set(policy)).collect(),
        })
    }
}
