//! Compiled products, kept for all transactions of the process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_authorization_engine::ProductState;
use bailiwick_policy::compile;
use bailiwick_sql::Error;
use bailiwick_types::ProductName;
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect};

use super::{convert::At, entity::product};

/// Compiled products by name.
#[derive(Debug, Default)]
pub(crate) struct Products(Mutex<HashMap<ProductName, Arc<ProductState>>>);

impl Products {
    /// Reads a product; the compiled one that is here where its manifest is the present one.
    pub(super) async fn read(
        &self,
        conn: &impl ConnectionTrait,
        name: &ProductName,
    ) -> Result<Option<Arc<ProductState>>, Error> {
        let at = At::new("product", name);
        let version = product::Entity::find_by_id(name.to_string())
            .select_only()
            .column(product::Column::Version);
        let Some(version) = version.into_tuple().one(conn).await? else {
            return Ok(None);
        };
        let version: u64 = at.number("version", version)?;
        let known = self.lock().get(name).cloned();
        if let Some(known) = known.filter(|known| known.manifest == version) {
            return Ok(Some(known));
        }
        let Some(row) = product::Entity::find_by_id(name.to_string()).one(conn).await? else {
            return Ok(None);
        };
        let (manifest, numbers) = (
            at.json("canonical", &row.canonical)?,
            at.json("numbers", &row.numbers)?,
        );
        let (compiled, _) = compile(&manifest, numbers).map_err(|error| at.corrupt("canonical", error))?;
        let state = Arc::new(ProductState {
            name: name.clone(),
            manifest: at.number("version", row.version)?,
            product: Arc::new(compiled),
        });
        // An older version may replace a newer one, which is then only compiled again.
        self.lock().insert(name.clone(), Arc::clone(&state));
        Ok(Some(state))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProductName, Arc<ProductState>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
