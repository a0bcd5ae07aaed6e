//! The consistency core of the three services: units of work on SQLite and PostgreSQL with one code base,
//! revisions and the outbox, the sequencer and the change feed that it makes, followers of other services'
//! feeds, and migrations.
//!
//! The crate depends on `bailiwick-types` and on no transport: what a change says is bytes to it.
//!
//! ```no_run
//! # use bailiwick_sql::Error;
//! # async fn example(clock: std::sync::Arc<dyn bailiwick_types::Clock>) -> Result<(), Error> {
//! use bailiwick_sql::{Db, DbConfig, Migrations};
//! use bailiwick_types::{ScopeRoot, Service};
//!
//! let config = DbConfig::new("sqlite:///var/lib/bailiwick/tenancy.db");
//! let db = Db::connect(config, Service::Tenancy, clock).await?;
//! db.migrate(&Migrations::new(Service::Tenancy, vec![])).await?;
//! let mut tx = db.begin_write(&[ScopeRoot::Deployment]).await?;
//! tx.emit(&ScopeRoot::Deployment, b"something changed".to_vec())?;
//! let token = tx.commit().await?.token();
//! # Ok(())
//! # }
//! ```

/// Declares tables as sea-orm entities: for each its name, the module with its `Entity`, the columns of its
/// primary key, and its other columns. A column is named like its field, or by the text after it.
///
/// ```
/// bailiwick_sql::tables! {
///     "member" member (account_id: Uuid, kind "type": String) { created_at: i64, expires_at: Option<i64> }
/// }
/// assert_eq!(sea_orm::EntityName::table_name(&member::Entity), "member");
/// ```
#[macro_export]
macro_rules! tables {
    ($($name:literal $table:ident ($($key:ident $($key_name:literal)?: $key_type:ty),+ $(,)?) {
        $($(#[$doc:meta])* $column:ident: $type:ty),* $(,)?
    })*) => {$(
        pub(crate) mod $table {
            use sea_orm::entity::prelude::*;

            #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub struct Model {
                $(
                    #[sea_orm(primary_key, auto_increment = false $(, column_name = $key_name)?)]
                    pub $key: $key_type,
                )+
                $($(#[$doc])* pub $column: $type,)*
            }

            #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    )*};
}

mod address;
mod autocommit;
mod backup;
mod config;
mod conn;
mod db;
mod epoch;
mod error;
pub mod feed;
pub mod follow;
mod hint;
pub mod migrate;
mod outbox;
mod pools;
mod read;
mod revision;
pub mod rows;
mod sequencer;
mod settings;
pub mod usage;
mod write;

pub use address::Address;
pub use config::DbConfig;
pub use conn::{Conn, execute, placeholders, rows as query, statement};
pub use db::{Db, Workers};
pub use epoch::epoch_sql;
pub use error::{Cause, Constraint, ConstraintKind, Error, Inconsistent, UniqueKey};
pub use feed::{Batch, Cursor, CursorRefused, Feed, Forward, Mark, Poll, Poller};
pub use migrate::{Migrations, SchemaError, SchemaStatus};
pub use outbox::OutboxRow;
pub use pools::private_file;
pub use read::{ReadTx, Standing};
pub use revision::Revision;
pub use write::{Committed, WriteTx};
