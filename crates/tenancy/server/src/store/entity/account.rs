//! Rows of `account`.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub product: String,
    pub title: String,
    pub title_key: String,
    pub state: String,
    pub owner: Option<Uuid>,
    pub seats: i64,
    pub billing_anchor: i64,
    pub created_at: i64,
    pub updated_at: i64,
    pub version: i64,
    pub closing: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
