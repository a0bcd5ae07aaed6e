//! The policy of an account: its roles, its overlays and its settings.

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_authorization_core::{account::Account, compiling::PolicyParts};
use bailiwick_policy::{AccountPolicy, CustomRole, LevelOverlay, Overlay, Product, RoleNo};
use bailiwick_sql::Error;
use bailiwick_types::Level;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

use super::{
    convert::At,
    entity::{account_role, role_overlay},
};

/// Reads what decides in an account.
pub(super) async fn read(
    conn: &impl ConnectionTrait,
    product: Arc<Product>,
    account: &Account,
) -> Result<Arc<AccountPolicy>, Error> {
    let id = account.id.uuid();
    let parts = PolicyParts {
        custom: custom_roles(conn, id).await?,
        overlays: overlays(conn, id, &product).await?,
        settings: account.settings.clone(),
        product,
    };
    let compiled = parts.compile().await;
    compiled.map_err(|error| Error::corrupt("account", "id", account.id, error))
}

async fn custom_roles(conn: &impl ConnectionTrait, account: Uuid) -> Result<Vec<CustomRole>, Error> {
    let rows = account_role::Entity::find().filter(account_role::Column::AccountId.eq(account));
    let role = |row: account_role::Model| {
        let at = At::new("account_role", &row.name);
        Ok(CustomRole {
            no: RoleNo(at.number("number", row.number.into())?),
            decl: at.json("definition", &row.definition)?,
            generation: at.generation(row.generation)?,
            name: row.name,
        })
    };
    rows.all(conn).await?.into_iter().map(role).collect()
}

async fn overlays(
    conn: &impl ConnectionTrait,
    account: Uuid,
    product: &Product,
) -> Result<Vec<Overlay>, Error> {
    let rows = role_overlay::Entity::find().filter(role_overlay::Column::AccountId.eq(account));
    let mut all: BTreeMap<RoleNo, Overlay> = BTreeMap::new();
    for row in rows.all(conn).await? {
        let at = At::new("role_overlay", &row.role);
        let level = at.known("level", Level::from_code(row.level))?;
        let generation = at.generation(row.generation)?;
        // A role that the manifest no longer has, or was without since, is changed no more.
        let stands = product.role_stands(&row.role, generation);
        let Some(role) = product.role_no(&row.role).filter(|_| stands) else {
            continue;
        };
        let change = LevelOverlay {
            add: at.json("added", &row.added)?,
            remove: at.json("removed", &row.removed)?,
            generation,
        };
        let overlay = all.entry(role).or_insert_with(|| Overlay {
            role,
            levels: BTreeMap::new(),
        });
        overlay.levels.insert(level, change);
    }
    Ok(all.into_values().collect())
}
