//! Keyset pages.

use bailiwick_tenancy_core::listing::{Key, OrderField, Query};
use bailiwick_types::Title;
use sea_orm::{
    ColumnTrait, DbBackend, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait, Func},
};

/// The columns that a list is sorted and searched by.
#[derive(Clone, Copy)]
pub(super) struct Columns<C> {
    pub(super) title_key: C,
    pub(super) created: C,
    pub(super) id: C,
}

/// The rows after a key, in order, whose title contains the search text.
pub(super) fn page<E, C>(
    mut select: Select<E>,
    columns: Columns<C>,
    backend: DbBackend,
    query: &Query,
    after: Option<&Key>,
    limit: u64,
) -> Select<E>
where
    E: EntityTrait,
    C: ColumnTrait,
{
    if let Some(search) = &query.search {
        let find = if backend == DbBackend::Postgres {
            "strpos"
        } else {
            "instr"
        };
        let title = Expr::col(columns.title_key.as_column_ref());
        let found = Func::cust(find).arg(title).arg(Expr::val(Title::fold(search)));
        select = select.filter(Expr::from(found).gt(0));
    }
    let (column, order) = (
        match query.order.field {
            OrderField::Title => columns.title_key,
            OrderField::CreateTime => columns.created,
        },
        if query.order.descending {
            Order::Desc
        } else {
            Order::Asc
        },
    );
    if let Some(after) = after {
        let value = match query.order.field {
            OrderField::Title => Expr::val(after.title.clone().unwrap_or_default()),
            OrderField::CreateTime => Expr::val(after.created.unwrap_or_default().0),
        };
        let row = Expr::tuple([
            Expr::col(column.as_column_ref()),
            Expr::col(columns.id.as_column_ref()),
        ]);
        let key = Expr::tuple([value, Expr::val(after.id)]);
        select = select.filter(if query.order.descending {
            row.lt(key)
        } else {
            row.gt(key)
        });
    }
    select
        .order_by(column, order.clone())
        .order_by(columns.id, order)
        .limit(limit)
}
