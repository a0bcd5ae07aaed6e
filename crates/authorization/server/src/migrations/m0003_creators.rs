//! Who made a service account, as identity tells it.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, prelude::DbErr,
};

/// The step.
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "authorization_0003_creators"
    }
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let steps = [
            "ALTER TABLE service_state ADD COLUMN creator text",
            "CREATE INDEX ix_service_state__creator ON service_state (creator)",
        ];
        super::run(manager, &steps).await
    }
}
