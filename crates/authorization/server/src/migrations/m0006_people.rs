//! Where a user is named, across accounts: it is looked up when the user is deleted. What was kept of refused
//! events goes, as personal data is in it.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, prelude::DbErr,
};

/// The step.
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "authorization_0006_people"
    }
}

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let statements = [
            "CREATE INDEX ix_invitation__email_key_anywhere ON invitation (email_key)",
            "CREATE INDEX ix_approval__subject_anywhere ON approval (subject)",
            "CREATE INDEX ix_quota__subject_anywhere ON quota (subject)",
            "UPDATE refused_event SET payload = {no_changes}",
        ];
        super::run(manager, &statements).await
    }
}
