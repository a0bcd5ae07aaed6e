//! Tenancy's store on SQLite and PostgreSQL.

mod account;
mod closing;
mod convert;
mod entity;
mod error;
mod list;
mod migration;
mod place;
mod product;
mod request;
mod settings;
mod snapshot;
mod unit;

pub(crate) use error::sql_error;
pub use migration::migrations;
pub(crate) use product::ProductRows;
pub(crate) use request::forget_requests;
pub use snapshot::TenancySnapshot;
pub use unit::SqlStore;
