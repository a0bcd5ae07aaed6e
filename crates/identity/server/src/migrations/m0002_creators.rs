//! The creators of service accounts; unknown for those that exist already.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

pub(super) struct Creators;

impl MigrationName for Creators {
    fn name(&self) -> &'static str {
        "identity_0002_creators"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Creators {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "ALTER TABLE service_account ADD COLUMN creator text";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
