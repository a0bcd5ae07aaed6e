//! The schema of identity's database.

mod m0001_tables;
mod m0002_mail;
mod m0003_second_factor;
mod m0005_api_keys;
mod m0006_people;

use bailiwick_sql::migrate::{Migrations, Statements};
use bailiwick_types::Service;

/// All migrations, in order.
#[must_use]
pub fn migrations() -> Migrations {
    let tables = Statements::migration("identity_0001_tables", m0001_tables::statements, &[]);
    // The creators of service accounts; unknown for those that exist already.
    let sql = |_| vec!["ALTER TABLE service_account ADD COLUMN creator text".to_owned()];
    let creators = Statements::migration("identity_0002_creators", sql, &[]);
    let mail = Statements::migration("identity_0003_mail", m0002_mail::statements, &[]);
    let second_factor = Statements::migration(
        "identity_0004_second_factor",
        m0003_second_factor::statements,
        &[],
    );
    let api_keys = Statements::migration("identity_0005_api_keys", m0005_api_keys::statements, &[]);
    let people = Statements::migration("identity_0006_people", m0006_people::statements, &[]);
    let all = vec![tables, creators, mail, second_factor, api_keys, people];
    Migrations::new(Service::Identity, all)
}
