//! The store: rows of the database and the ports of `core` over them.

mod account;
mod approval;
mod binding;
pub(crate) mod change;
mod convert;
pub(crate) mod engine;
pub(crate) mod entity;
mod erasure;
mod grant;
mod group;
mod invitation;
mod kept;
mod left_behind;
mod limit;
mod member;
mod person;
mod policy;
mod product;
mod products;
mod relocation;
mod request;
mod resource;
mod role;
mod rows;
mod seat;
mod snapshot;
mod standing;
mod strays;
mod subjects;
mod tx;
pub(crate) mod watch;
mod written;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use bailiwick_authorization_core::{
    Read, Store, StoreError, Unit,
    account::{Account, Place},
};
use bailiwick_sql::{Committed, Db};
use bailiwick_types::{AccountAccess, AccountId, AccountWrite, AllAccounts, ProductName, ScopeRoot};
use sea_orm::EntityTrait;

pub(crate) use kept::{KeptRows, Page};
pub(crate) use left_behind::left_at;
pub(crate) use products::Products;
pub use snapshot::Snapshot;
pub use strays::{AfterStray, Stray, Strays};
pub(crate) use tx::Tx;

/// Told of every commit of this process, before the writer answers.
#[async_trait]
pub(crate) trait OnCommit: Send + Sync + 'static {
    async fn committed(&self, done: &Committed);
}

/// Told of every commit of this process.
pub(crate) type Hook = Arc<dyn OnCommit>;

/// The store over a database.
#[derive(Clone)]
pub struct SqlStore {
    db: Db,
    products: Arc<Products>,
    hook: Option<Hook>,
}

impl std::fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SqlStore({:?})", self.db)
    }
}

impl SqlStore {
    /// A store over a database with its schema.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self {
            db,
            products: Arc::default(),
            hook: None,
        }
    }
    /// The same, telling of its commits.
    pub(crate) fn with_hook(self, hook: Hook) -> Self {
        Self {
            hook: Some(hook),
            ..self
        }
    }
    pub(crate) fn products(&self) -> Arc<Products> {
        Arc::clone(&self.products)
    }
}

/// Wraps an error of the database.
pub(crate) fn store_error(error: impl Into<bailiwick_sql::Error>) -> StoreError {
    StoreError::from(error.into())
}

#[async_trait]
impl Store for SqlStore {
    async fn read(&self, account: AccountAccess) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
        let tx = self.db.begin_read(&ScopeRoot::Account(account.id())).await?;
        Ok(Box::new(Tx::new(tx, self.products()).of_account(account)))
    }
    async fn read_all(&self, _: AllAccounts) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
        let tx = self.db.begin_read_across().await?;
        Ok(Box::new(Tx::new(tx, self.products())))
    }
    async fn write(&self, account: AccountWrite) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
        // Looked up first: beginning to write makes the revision row of whatever is named.
        let known = entity::account::Entity::find_by_id(account.id().uuid());
        let Some(known) = known.one(self.db.load()).await.map_err(store_error)? else {
            return Ok(None);
        };
        let product = convert::At::new("account", &account.id()).parse("product", &known.product)?;
        let tx = self.db.begin_write(&[ScopeRoot::Account(account.id())]).await?;
        // What fits the manifest now must fit it still when this commits.
        tx.share(&ScopeRoot::Product(product)).await?;
        let tx = Tx::new(tx, self.products()).with_hook(self.hook.clone());
        Ok(Some(Box::new(tx.of_account(account.read()))))
    }
    async fn write_accounts(
        &self,
        _: AllAccounts,
        accounts: &[AccountId],
    ) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
        let mut roots = Vec::with_capacity(accounts.len());
        let mut products = BTreeSet::new();
        for id in accounts {
            let known = entity::account::Entity::find_by_id(id.uuid());
            let Some(known) = known.one(self.db.load()).await.map_err(store_error)? else {
                return Ok(None);
            };
            let product: ProductName = convert::At::new("account", id).parse("product", &known.product)?;
            products.insert(product);
            roots.push(ScopeRoot::Account(*id));
        }
        let tx = self.db.begin_write_across(&roots).await?;
        // What fits the manifest now must fit it still when this commits.
        for product in products {
            tx.share(&ScopeRoot::Product(product)).await?;
        }
        let tx = Tx::new(tx, self.products()).with_hook(self.hook.clone());
        Ok(Some(Box::new(tx)))
    }
    async fn write_all(
        &self,
        _: AllAccounts,
        roots: &[ScopeRoot],
    ) -> Result<Box<dyn Unit + Send + Sync>, StoreError> {
        let tx = self.db.begin_write_across(roots).await?;
        Ok(Box::new(
            Tx::new(tx, self.products()).with_hook(self.hook.clone()),
        ))
    }
}

/// An account, and the place of that id in it.
pub(crate) async fn account_and_places(
    read: &impl Read,
    place: uuid::Uuid,
) -> Result<(Option<Account>, Vec<Place>), StoreError> {
    let places = read.places(&[place]).await?;
    let exact = places
        .into_iter()
        .filter(|found| found.scope.uuid() == Some(place))
        .collect();
    Ok((read.account().await?, exact))
}
