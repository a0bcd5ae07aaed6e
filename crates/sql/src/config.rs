//! Where the database is and how it is used.

use std::time::Duration;

use crate::Address;

/// How to reach a database.
#[derive(Debug, Clone)]
pub struct DbConfig {
    /// Where it is.
    pub address: Address,
    /// Where it is without a pooler between (PostgreSQL): for migrations and notices. `address` if absent.
    pub direct: Option<Address>,
    /// Whether `address` is that of a pooler that gives each transaction another session, such as PgBouncer
    /// in transaction mode (PostgreSQL).
    pub pooler: bool,
    /// Whether a role that row-level security does not hold for is accepted (PostgreSQL).
    pub unprotected: bool,
    /// A role that shall work on what a migration makes, where another one migrates (PostgreSQL).
    pub run_time_role: Option<String>,
    /// Connections for transactions (PostgreSQL), or for reading (SQLite, which has one for writing).
    pub max_connections: u32,
    /// How long to wait for a connection; on SQLite also how long a write waits for its turn.
    pub acquire_timeout: Duration,
    /// How long a statement may run (PostgreSQL).
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a transaction may stay open without doing anything (PostgreSQL).
    pub idle_in_transaction_timeout: Duration,
    /// How often the sequencer and waiting readers look by themselves, where no notice reaches them.
    pub poll_interval: Duration,
    /// How long a migration waits for the one that another process is running.
    pub migration_wait: Duration,
}

impl DbConfig {
    /// Defaults for a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self::at(Address::url(url))
    }
    /// Defaults for an address.
    #[must_use]
    pub fn at(address: Address) -> Self {
        Self {
            address,
            direct: None,
            pooler: false,
            unprotected: false,
            run_time_role: None,
            max_connections: 16,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            lock_timeout: Duration::from_secs(5),
            idle_in_transaction_timeout: Duration::from_secs(30),
            poll_interval: Duration::from_millis(500),
            migration_wait: Duration::from_mins(1),
        }
    }
}
