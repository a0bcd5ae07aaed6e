//! The service from its methods down to both databases.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accounts;
mod audit;
mod closings;
mod limits;
mod lists;
mod moves;
mod places;
mod products;
mod schema;
mod settings;
mod snapshots;
mod store;
mod world;

pub(crate) use bailiwick_testkit::on_both_engines;
