//! Compiled products, kept for all transactions of the process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_authorization_core::compiling::compiling;
use bailiwick_authorization_engine::ProductState;
use bailiwick_policy::compile;
use bailiwick_sql::{Error, Revision, epoch_sql};
use bailiwick_types::ProductName;
use sea_orm::{ConnectionTrait, EntityTrait, QuerySelect, sea_query::Expr};

use super::{convert::At, entity::product};

/// Compiled products by name.
#[derive(Debug, Default)]
pub(crate) struct Products(Mutex<HashMap<ProductName, Compiled>>);

/// A compiled product, and what it was compiled from. After a restore, a version may have another manifest.
#[derive(Debug, Clone)]
struct Compiled {
    /// The epoch of the database, and the stamp of the product's revision.
    history: String,
    canonical: String,
    numbers: String,
    state: Arc<ProductState>,
}

impl Products {
    /// Reads a product. It is compiled only where the database has another version or is of another history.
    pub(super) async fn read(
        &self,
        conn: &impl ConnectionTrait,
        name: &ProductName,
    ) -> Result<Option<Arc<ProductState>>, Error> {
        let at = At::new("product", name);
        let epoch = epoch_sql(conn.get_database_backend());
        let present = product::Entity::find_by_id(name.to_string())
            .select_only()
            .column(product::Column::Version)
            .column_as(
                Expr::cust(format!(
                    "{epoch} || '/' || {revision}",
                    revision = Revision::sql("'product:' || product.name")
                )),
                "history",
            );
        let Some((version, history)) = present.into_tuple().one(conn).await? else {
            return Ok(None);
        };
        let (version, history): (u64, String) = (at.number("version", version)?, history);
        if let Some(known) = self.lock().get(name)
            && known.history == history
            && known.state.manifest == version
        {
            return Ok(Some(Arc::clone(&known.state)));
        }
        let Some(row) = product::Entity::find_by_id(name.to_string()).one(conn).await? else {
            return Ok(None);
        };
        let version = at.number("version", row.version)?;
        // A revision of the product that is no change of its manifest: all go on sharing what is compiled.
        if let Some(known) = self.lock().get_mut(name)
            && known.state.manifest == version
            && known.canonical == row.canonical
            && known.numbers == row.numbers
        {
            known.history = history;
            return Ok(Some(Arc::clone(&known.state)));
        }
        let (canonical, numbers) = (row.canonical.clone(), at.json("numbers", &row.numbers)?);
        let compiled = compiling(move || {
            let manifest = serde_json::from_str(&canonical).map_err(|error| error.to_string())?;
            compile(&manifest, numbers).map_err(|error| error.to_string())
        });
        let compiled = compiled.await.map_err(|error| at.corrupt("canonical", error))?;
        let (compiled, _) = compiled.map_err(|error| at.corrupt("canonical", error))?;
        let state = Arc::new(ProductState {
            name: name.clone(),
            manifest: version,
            product: Arc::new(compiled),
        });
        let kept = Compiled {
            history,
            canonical: row.canonical,
            numbers: row.numbers,
            state: Arc::clone(&state),
        };
        // An older version may replace a newer one, which is then only compiled again.
        self.lock().insert(name.clone(), kept);
        Ok(Some(state))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ProductName, Compiled>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
