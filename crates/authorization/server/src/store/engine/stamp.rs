//! The epoch and the revisions that a statement was read at: one row of every statement.

use bailiwick_authorization_engine::{AccountRef, Epoch, Stamps, Watermark};
use bailiwick_sql::{Cause, Error, Revision, epoch_sql};
use bailiwick_types::ScopeRoot;
use sea_orm::{DbBackend, QueryResult, Value};

use super::{SqlSource, content};

/// One row with epoch and revisions, for use in every statement; `first` is the first of its three
/// placeholders. Revisions are texts with their stamps ([`Revision::sql`]).
pub(super) fn stamp(backend: DbBackend, first: usize) -> String {
    let revision = |n: usize| Revision::sql(&format!("${n}"));
    format!(
        "SELECT {epoch} AS epoch, {deployment} AS deployment, {product} AS product, {account} AS account, \
         COALESCE((SELECT version FROM product WHERE name = ${name}), 0) AS manifest",
        epoch = epoch_sql(backend),
        deployment = Revision::sql("'deployment'"),
        product = revision(first),
        account = revision(first + 1),
        name = first + 2,
    )
}

/// How many values [`stamp`] takes.
pub(super) const STAMP_VALUES: usize = 3;

pub(super) fn stamp_values(of: AccountRef<'_>) -> [Value; STAMP_VALUES] {
    [
        ScopeRoot::Product(of.product.name.clone()).to_string().into(),
        ScopeRoot::Account(of.account).to_string().into(),
        of.product.name.as_str().into(),
    ]
}

/// The point of these revisions: deployment, product, account.
pub(super) fn watermark(revisions: &[Revision]) -> Watermark {
    let at = |n: usize| revisions.get(n).copied().unwrap_or_default();
    let [deployment, product, account] = [0, 1, 2].map(at);
    Watermark {
        deployment: deployment.number,
        product: product.number,
        account: account.number,
        stamps: Stamps {
            deployment: deployment.stamp,
            product: product.stamp,
            account: account.stamp,
        },
    }
}

/// The point in three columns of a row.
pub(super) fn read_watermark(row: &QueryResult, columns: [&str; 3]) -> Result<Watermark, Error> {
    let [deployment, product, account] = columns.map(|column| Revision::read(row, column));
    Ok(watermark(&[deployment?, product?, account?]))
}

pub(super) fn no_stamp() -> Error {
    Error::Internal(Cause::text("a statement returned no row"))
}

impl SqlSource {
    pub(super) fn read_stamp(&self, row: Option<&QueryResult>) -> Result<(Epoch, Watermark, u64), Error> {
        let row = row.ok_or_else(no_stamp)?;
        let epoch: String = row.try_get("", "epoch")?;
        let at = read_watermark(row, ["deployment", "product", "account"])?;
        Ok((
            self.db.observe_epoch(&epoch)?,
            at,
            content::number(row, "manifest")?,
        ))
    }
}
