//! Tenancy's store on SQLite and PostgreSQL.

mod account;
pub(crate) mod audit;
mod closing;
mod convert;
mod entity;
mod list;
mod migration;
mod moving;
mod place;
mod product;
mod request;
mod settings;
mod snapshot;
mod unit;

use bailiwick_sql::Error;
use bailiwick_types::StoreError;
use sea_orm::DbErr;

pub(crate) use migration::COUNTED;
pub use migration::migrations;
pub(crate) use product::{ProductRows, find as find_product};
pub use snapshot::TenancySnapshot;
pub use unit::SqlStore;

/// The port's error for an error of the database.
fn store_error(error: DbErr) -> StoreError {
    Error::from(error).into()
}
