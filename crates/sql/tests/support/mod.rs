//! A fresh database on either engine, and handles to it as several processes have them.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::sync::Arc;

use bailiwick_sql::{Db, DbConfig, Migrations};
use bailiwick_testkit::{Fixture, ManualClock, TestDb};
use bailiwick_types::{AccountId, ScopeRoot, Service};
use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager, async_trait};

/// A database of one test.
pub struct Bed {
    pub url: String,
    pub clock: Arc<ManualClock>,
    pub database: TestDb,
}

impl Fixture for Bed {
    async fn on(database: TestDb) -> Self {
        Self {
            url: database.url(),
            clock: Arc::default(),
            database,
        }
    }
}

impl Bed {
    pub async fn sqlite() -> Self {
        Self::on(TestDb::sqlite().await).await
    }
    pub async fn postgres() -> Self {
        Self::on(TestDb::postgres().await).await
    }
    /// Another process on the same database, as a service.
    pub async fn open_as(&self, service: Service) -> Db {
        let config = DbConfig::new(self.url.as_str());
        Db::connect(config, service, self.clock.clone()).await.unwrap()
    }
    pub async fn open(&self) -> Db {
        self.open_as(Service::Tenancy).await
    }
    /// Migrates and opens.
    pub async fn ready(&self) -> Db {
        let db = self.open().await;
        db.migrate(&migrations()).await.unwrap();
        db
    }
}

pub fn migrations() -> Migrations {
    Migrations::new(Service::Tenancy, vec![Box::new(Notes)])
}

pub fn account(n: u128) -> ScopeRoot {
    ScopeRoot::Account(account_id(n))
}

pub fn account_id(n: u128) -> AccountId {
    AccountId::from_uuid(sea_orm::prelude::Uuid::from_u128(n))
}

/// A table for tests to write to.
pub struct Notes;

impl MigrationName for Notes {
    fn name(&self) -> &'static str {
        "0001_notes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Notes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "CREATE TABLE note (name text PRIMARY KEY NOT NULL, body text NOT NULL, epoch text NOT NULL DEFAULT '', \
                   version bigint NOT NULL DEFAULT 0)";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }
}

/// Writes a change of a root with a text.
pub async fn write(db: &Db, root: &ScopeRoot, text: &str) -> u64 {
    let mut tx = db.begin_write(std::slice::from_ref(root)).await.unwrap();
    tx.emit(root, text.as_bytes().to_vec()).unwrap();
    tx.commit().await.unwrap().revision(root).unwrap()
}
