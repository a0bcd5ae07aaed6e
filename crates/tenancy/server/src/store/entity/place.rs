//! Rows of `place`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "place")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub level: i16,
    pub parent_id: Option<Uuid>,
    pub title: String,
    pub title_key: String,
    pub edition: Option<String>,
    pub state: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
    pub closing: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
