//! Row-level security on PostgreSQL, a second wall around the rows of an account: a transaction sees those of
//! the accounts that it named when it began.

use sea_orm_migration::{
    MigrationName, MigrationTrait, SchemaManager, async_trait::async_trait, prelude::DbErr,
};

/// The step.
pub(super) struct Step;

impl MigrationName for Step {
    fn name(&self) -> &'static str {
        "authorization_0002_row_security"
    }
}

/// The tables whose rows belong to an account, and the column that says to which.
const TABLES: &[(&str, &str)] = &[
    ("account", "id"),
    ("place", "account_id"),
    ("early_closure", "account_id"),
    ("account_role", "account_id"),
    ("role_overlay", "account_id"),
    ("member", "account_id"),
    ("invitation", "account_id"),
    ("subject_group", "account_id"),
    ("group_member", "account_id"),
    ("binding", "account_id"),
    ("entitlement", "account_id"),
    ("resource", "account_id"),
    ("approval", "account_id"),
    ("quota", "account_id"),
    ("seat_ending", "account_id"),
    ("part", "account_id"),
];

#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in TABLES {
            bailiwick_sql::migrate::isolate_accounts(manager.get_connection(), table, column).await?;
        }
        Ok(())
    }
}
