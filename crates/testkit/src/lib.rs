//! What tests need and production must not have: throw-away PostgreSQL, PgBouncer and Redis, one way to run a
//! test on both databases, a clock that is set by hand, golden files and a helper for child processes.
//!
//! Everything that is started here ends with the test process, also when that is killed: a supervisor shell
//! holds the other end of a pipe, and cleans up when the pipe closes. The crate depends on `bailiwick-types`
//! only and is never a normal dependency of another crate.
//!
//! ```no_run
//! # async fn example() {
//! let database = bailiwick_testkit::Postgres::database().await;
//! assert!(database.url().starts_with("postgres://"));
//! # }
//! ```

mod clock;
mod content;
pub mod corpus;
mod engines;
mod golden;
mod owner;
mod pgbouncer;
mod port;
mod postgres;
mod process;
mod redis;
mod redis_cluster;
mod supervisor;
mod wait;
pub mod witness;

pub use clock::ManualClock;
pub use content::Content;
pub use engines::{Engine, Fixture, TestDb, run};
pub use golden::golden;
pub use pgbouncer::PgBouncer;
pub use port::free_port;
pub use postgres::{Dump, Postgres, RestoreMode, TestDatabase};
pub use process::{Logs, Process};
pub use redis::Redis;
pub use redis_cluster::RedisCluster;
pub use wait::{eventually, eventually_some};
