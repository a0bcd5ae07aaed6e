//! The epoch and the revisions that a statement was read at: one row of every statement.

use bailiwick_authorization_engine::{AccountRef, Epoch, Watermark};
use bailiwick_sql::{Cause, Error, epoch_sql};
use bailiwick_types::ScopeRoot;
use sea_orm::{DbBackend, QueryResult, Value};

use super::{SqlSource, content};

/// One row with epoch and revisions, for use in every statement; `first` is the first of its three
/// placeholders.
pub(super) fn stamp(backend: DbBackend, first: usize) -> String {
    let revision = |n: usize| format!("COALESCE((SELECT revision FROM revision WHERE root = ${n}), 0)");
    format!(
        "SELECT {epoch} AS epoch, COALESCE((SELECT revision FROM revision WHERE root = 'deployment'), 0) AS deployment, \
         {product} AS product, {account} AS account, \
         COALESCE((SELECT version FROM product WHERE name = ${name}), 0) AS manifest",
        epoch = epoch_sql(backend),
        product = revision(first),
        account = revision(first + 1),
        name = first + 2,
    )
}

pub(super) fn stamp_values(of: AccountRef<'_>) -> [Value; 3] {
    [
        ScopeRoot::Product(of.product.name.clone()).to_string().into(),
        ScopeRoot::Account(of.account).to_string().into(),
        of.product.name.as_str().into(),
    ]
}

pub(super) fn watermark(revisions: &[u64]) -> Watermark {
    let at = |n: usize| revisions.get(n).copied().unwrap_or(0);
    Watermark {
        deployment: at(0),
        product: at(1),
        account: at(2),
    }
}

pub(super) fn no_stamp() -> Error {
    Error::Internal(Cause::text("a statement returned no row"))
}

impl SqlSource {
    pub(super) fn read_stamp(&self, row: Option<&QueryResult>) -> Result<(Epoch, Watermark, u64), Error> {
        let row = row.ok_or_else(no_stamp)?;
        let epoch: String = row.try_get("", "epoch")?;
        let n = |column: &str| content::number(row, column);
        let at = Watermark {
            deployment: n("deployment")?,
            product: n("product")?,
            account: n("account")?,
        };
        Ok((self.db.observe_epoch(&epoch)?, at, n("manifest")?))
    }
}
