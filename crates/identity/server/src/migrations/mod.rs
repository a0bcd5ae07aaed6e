//! The schema of identity's database.

mod m0001_tables;
mod m0002_creators;

use bailiwick_sql::migrate::Migrations;
use bailiwick_types::Service;

/// All migrations, in order.
#[must_use]
pub fn migrations() -> Migrations {
    Migrations::new(
        Service::Identity,
        vec![Box::new(m0001_tables::Tables), Box::new(m0002_creators::Creators)],
    )
}
