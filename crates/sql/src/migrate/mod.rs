//! Migrations: forward only, under a lock, each in a transaction of its own with its record.

mod append_only;
mod base;
mod dump;
mod explain;
mod isolation;
mod roles;
mod run;
mod usage;

pub use append_only::append_only;
pub use dump::schema_dump;
pub use explain::explain;
pub use isolation::isolate_accounts;
pub use usage::{CountedRows, count_rows};

use bailiwick_types::Service;
use sea_orm::{ConnectionTrait, DbBackend, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

/// The migrations of a service: this crate's own first, then the service's in order.
///
/// A name with `contract` in it marks a migration after which programs that do not know it cannot work. All
/// others only add, and a program may start on a schema that has more of them than it knows: so a migration
/// runs before the rollout that needs it, and a rollout never waits for another one.
pub struct Migrations {
    service: Service,
    all: Vec<Box<dyn MigrationTrait>>,
}

/// A migration that runs statements.
pub struct Statements {
    name: &'static str,
    sql: fn(DbBackend) -> Vec<String>,
    isolated: &'static [(&'static str, &'static str)],
    counted: &'static [CountedRows],
}

impl Statements {
    /// A migration that runs these statements, then isolates the rows of accounts in tables, each with the
    /// column of the account's UUID ([`isolate_accounts`]).
    #[must_use]
    pub fn migration(
        name: &'static str,
        sql: fn(DbBackend) -> Vec<String>,
        isolated: &'static [(&'static str, &'static str)],
    ) -> Box<dyn MigrationTrait> {
        Box::new(Self {
            name,
            sql,
            isolated,
            counted: &[],
        })
    }
    /// A migration after which the database counts rows of accounts ([`count_rows`]).
    #[must_use]
    pub fn counting(name: &'static str, counted: &'static [CountedRows]) -> Box<dyn MigrationTrait> {
        Box::new(Self {
            name,
            sql: |_| Vec::new(),
            isolated: &[],
            counted,
        })
    }
}

impl MigrationName for Statements {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Statements {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let conn = manager.get_connection();
        for sql in (self.sql)(conn.get_database_backend()) {
            conn.execute_unprepared(&sql).await?;
        }
        for (table, column) in self.isolated {
            isolate_accounts(conn, table, column).await?;
        }
        if !self.counted.is_empty() {
            count_rows(conn, self.counted).await?;
        }
        Ok(())
    }
}

/// How a schema compares to the migrations that a program knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaStatus {
    /// Applied, in the order they were.
    pub applied: Vec<String>,
    /// Known and not applied yet.
    pub pending: Vec<String>,
    /// Applied by a newer program.
    pub unknown: Vec<String>,
}

/// The schema is outside the range that a program works with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Migrations are missing: run `bailiwick migrate`.
    #[error("the schema of {service} is outdated, it lacks {}: run `bailiwick migrate`", .pending.join(", "))]
    TooOld {
        /// Whose schema it is.
        service: Service,
        /// What is missing.
        pending: Vec<String>,
    },
    /// A newer program has taken away what this one needs.
    #[error("the schema of {service} is newer than this program: it has {}", .unknown.join(", "))]
    TooNew {
        /// Whose schema it is.
        service: Service,
        /// What this program does not know.
        unknown: Vec<String>,
    },
}

impl Migrations {
    /// The migrations of a service, in order.
    #[must_use]
    pub fn new(service: Service, of_service: Vec<Box<dyn MigrationTrait>>) -> Self {
        let mut all = vec![Statements::migration("sql_0001_feed", base::statements, &[])];
        all.extend(of_service);
        Self { service, all }
    }
    /// Their names in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.all.iter().map(|migration| migration.name()).collect()
    }
    fn compare(&self, applied: Vec<String>) -> SchemaStatus {
        let known = self.names();
        let pending = known.iter().filter(|name| !applied.iter().any(|a| a == *name));
        let unknown = applied.iter().filter(|name| !known.contains(&name.as_str()));
        SchemaStatus {
            pending: pending.map(|name| (*name).to_owned()).collect(),
            unknown: unknown.cloned().collect(),
            applied,
        }
    }
}

impl SchemaStatus {
    /// Whether a program that knows these migrations may work on the schema.
    ///
    /// # Errors
    /// It lacks a migration, or has one that takes away.
    pub fn check(&self, service: Service) -> Result<(), SchemaError> {
        if !self.pending.is_empty() {
            return Err(SchemaError::TooOld {
                service,
                pending: self.pending.clone(),
            });
        }
        let unknown: Vec<String> = self
            .unknown
            .iter()
            .filter(|name| name.contains("contract"))
            .cloned()
            .collect();
        if !unknown.is_empty() {
            return Err(SchemaError::TooNew { service, unknown });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(pending: &[&str], unknown: &[&str]) -> SchemaStatus {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        SchemaStatus {
            applied: vec![],
            pending: own(pending),
            unknown: own(unknown),
        }
    }

    #[test]
    fn a_program_starts_on_a_schema_that_has_more_but_not_on_one_that_lacks_or_took_away() {
        assert!(status(&[], &["0009_add_title"]).check(Service::Tenancy).is_ok());
        assert!(matches!(
            status(&["0002_x"], &[]).check(Service::Tenancy),
            Err(SchemaError::TooOld { .. })
        ));
        assert!(matches!(
            status(&[], &["0009_contract_title"]).check(Service::Tenancy),
            Err(SchemaError::TooNew { .. })
        ));
    }
}
