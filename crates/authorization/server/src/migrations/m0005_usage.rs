//! How much each account has, for its limits.

use bailiwick_authorization_core::limit::Counted;
use bailiwick_sql::migrate::{CountedRows, count_rows};
use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, prelude::DbErr,
};

/// The step.
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "authorization_0005_usage"
    }
}

/// The rows that are counted for the limits of an account.
pub const COUNTED: &[CountedRows] = &[
    all_of("member", Counted::Members),
    all_of("subject_group", Counted::Groups),
    all_of("group_member", Counted::GroupMembers),
    all_of("binding", Counted::Bindings),
    all_of("entitlement", Counted::Grants),
    all_of("resource", Counted::Resources),
];

const fn all_of(table: &'static str, counted: Counted) -> CountedRows {
    CountedRows {
        table,
        kind: counted.code() as i16,
        condition: "",
    }
}

/// What ends by itself is not counted by rows, but by looking at those that are open.
const OPEN: &[&str] = &[
    "CREATE INDEX ix_invitation__open ON invitation (account_id, expires_at) WHERE state = 1",
    "CREATE INDEX ix_invitation__open_of ON invitation (account_id, creator, expires_at) WHERE state = 1",
    "CREATE INDEX ix_approval__open ON approval (account_id, subject) WHERE state = 1",
];

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        count_rows(manager.get_connection(), COUNTED).await?;
        super::run(manager, OPEN).await
    }
}
