//! The schema, step by step: forward only, each on both engines.

mod m0001_tables;
mod m0002_row_security;
mod m0003_creators;
mod m0004_approval_targets;
mod m0005_usage;
mod m0006_people;
mod m0006_places_by_id;

pub use m0005_usage::COUNTED;
use sea_orm_migration::{
    MigrationTrait, SchemaManager,
    prelude::DbErr,
    sea_orm::{ConnectionTrait, DbBackend},
};

/// All steps in the order in which they are taken.
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0001_tables::Step),
        Box::new(m0002_row_security::Step),
        Box::new(m0003_creators::Step),
        Box::new(m0004_approval_targets::Step),
        Box::new(m0005_usage::Step),
        Box::new(m0006_places_by_id::Step),
        Box::new(m0006_people::Step),
    ]
}

/// Runs statements one by one, `{uuid}`, `{bool}` and an empty list of changes written as the engine calls
/// them.
async fn run(manager: &SchemaManager<'_>, statements: &[&str]) -> Result<(), DbErr> {
    let conn = manager.get_connection();
    let postgres = manager.get_database_backend() == DbBackend::Postgres;
    let (uuid, truth) = if postgres {
        ("uuid", "boolean")
    } else {
        ("blob", "integer")
    };
    let no_changes = if postgres { "'\\x01'::bytea" } else { "x'01'" };
    for text in statements {
        let text = text.replace("{uuid}", uuid).replace("{bool}", truth);
        let text = text.replace("{no_changes}", no_changes);
        conn.execute_unprepared(&text).await?;
    }
    Ok(())
}
