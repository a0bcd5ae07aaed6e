//! Units of work.

use std::sync::Arc;

use async_trait::async_trait;
use bailiwick_feed::encode;
use bailiwick_sql::{Conn, Db, Error, ReadTx, WriteTx};
use bailiwick_tenancy_core::{
    Event,
    account::Reader as _,
    audit::Record,
    product::{Product, Reader as _},
    store::{Read, ReadAll, Store, Write},
};
use bailiwick_types::{
    AccountAccess, AccountId, AccountWrite, AllAccounts, Caller, ProductName, ScopeRoot, Service, StoreError,
    Token,
};

use super::{convert::OfAccount, product};
use crate::event::{audited, change};

/// Tenancy's store.
#[derive(Debug, Clone)]
pub struct SqlStore {
    pub(super) db: Db,
}

impl SqlStore {
    /// The store in a database that is migrated.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db }
    }
    async fn reads(&self, account: AccountId) -> Result<Unit<ReadTx>, StoreError> {
        let tx = self.db.begin_read(&ScopeRoot::Account(account)).await?;
        Ok(Unit::new(tx, account))
    }
}

/// What transactions that read and transactions that write have in common.
#[async_trait]
pub(super) trait Tx: Send + Sync {
    fn conn(&self) -> &Conn;
    /// The epoch that revisions are counted in.
    async fn epoch(&self) -> Result<Arc<str>, Error>;
    /// The revision of a root.
    async fn revision(&self, root: &ScopeRoot) -> Result<u64, Error>;
}

#[async_trait]
impl Tx for ReadTx {
    fn conn(&self) -> &Conn {
        Self::conn(self)
    }
    async fn epoch(&self) -> Result<Arc<str>, Error> {
        Ok(self.standing(&[]).await?.epoch)
    }
    async fn revision(&self, root: &ScopeRoot) -> Result<u64, Error> {
        let standing = self.standing(std::slice::from_ref(root)).await?;
        Ok(standing.revisions.first().copied().unwrap_or_default())
    }
}

#[async_trait]
impl Tx for WriteTx {
    fn conn(&self) -> &Conn {
        Self::conn(self)
    }
    async fn epoch(&self) -> Result<Arc<str>, Error> {
        Ok(Arc::clone(Self::epoch(self)))
    }
    async fn revision(&self, root: &ScopeRoot) -> Result<u64, Error> {
        Self::revision(self, root)
    }
}

/// A unit of work on one account; the ports of the aggregates are implemented for it next to their tables.
pub(super) struct Unit<T> {
    tx: T,
    account: AccountId,
    events: Vec<Event>,
    records: Vec<(AccountId, Record)>,
}

/// A unit of work that writes an account.
pub(super) type WriteUnit = Unit<WriteTx>;

/// A unit of work that reads across accounts.
pub(super) struct AllUnit(pub(super) ReadTx);

impl<T: Tx> Unit<T> {
    fn new(tx: T, account: AccountId) -> Self {
        Self {
            tx,
            account,
            events: Vec::new(),
            records: Vec::new(),
        }
    }
    pub(super) fn tx(&self) -> &T {
        &self.tx
    }
    pub(super) fn conn(&self) -> &Conn {
        self.tx.conn()
    }
    /// The account that it is on.
    pub(super) fn account(&self) -> AccountId {
        self.account
    }
    /// Fails for a value of another account: a statement that reached one is at fault.
    pub(super) fn check<R: OfAccount>(&self, value: &R) -> Result<(), Error> {
        let account = value.account();
        if account == self.account {
            return Ok(());
        }
        let problem = format!("is not {}, the account of the unit of work", self.account);
        Err(Error::corrupt(R::TABLE, "account_id", account, problem))
    }
    /// The domain value of a row, which must be of this account.
    pub(super) fn value<M, R: OfAccount + TryFrom<M, Error = Error>>(&self, row: M) -> Result<R, Error> {
        let value = R::try_from(row)?;
        self.check(&value)?;
        Ok(value)
    }
    /// The token of everything that was written to the account so far.
    pub(super) async fn token_now(&self) -> Result<Token, StoreError> {
        let root = ScopeRoot::Account(self.account);
        let revision = self.tx.revision(&root).await?;
        Ok(Token::of(
            Service::Tenancy,
            &self.tx.epoch().await?,
            root,
            revision,
        ))
    }
}

impl WriteUnit {
    /// The revision that the account will have.
    pub(super) fn next_revision(&self) -> Result<u64, Error> {
        self.tx.next_revision(&ScopeRoot::Account(self.account))
    }
}

#[async_trait]
impl Store for SqlStore {
    async fn read(&self, account: AccountAccess) -> Result<Box<dyn Read>, StoreError> {
        Ok(Box::new(self.reads(account.id()).await?))
    }
    async fn read_all(&self, _: AllAccounts) -> Result<Box<dyn ReadAll>, StoreError> {
        Ok(Box::new(AllUnit(self.db.begin_read_across().await?)))
    }
    async fn write(&self, account: AccountWrite) -> Result<Box<dyn Write>, StoreError> {
        let account = account.id();
        let root = ScopeRoot::Account(account);
        let tx = self.db.begin_write(std::slice::from_ref(&root)).await?;
        Ok(Box::new(Unit::new(tx, account)))
    }
    async fn write_both(
        &self,
        first: AccountWrite,
        second: AccountWrite,
    ) -> Result<Box<dyn Write>, StoreError> {
        // Row-level security admits the accounts whose roots a transaction holds.
        let roots = [first, second].map(|account| ScopeRoot::Account(account.id()));
        let tx = self.db.begin_write(&roots).await?;
        Ok(Box::new(Unit::new(tx, first.id())))
    }
    async fn find_product(&self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        let tx = self.db.begin_read_across().await?;
        product::find(tx.conn(), name).await
    }
    async fn product_of_caller(&self, caller: &Caller) -> Result<Option<Product>, StoreError> {
        let Some(account) = caller.account() else {
            return Ok(None);
        };
        let mut read = self.reads(account).await?;
        match read.find_account().await? {
            Some(account) => read.find_product(&account.product).await,
            None => Ok(None),
        }
    }
}

impl<T: Tx> Read for Unit<T> {}

impl ReadAll for AllUnit {}

#[async_trait]
impl Write for WriteUnit {
    fn select(&mut self, account: AccountWrite) {
        self.account = account.id();
    }
    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }
    fn audit(&mut self, record: Record) {
        self.records.push((self.account, record));
    }
    async fn commit(mut self: Box<Self>) -> Result<Token, StoreError> {
        for event in std::mem::take(&mut self.events) {
            let root = ScopeRoot::Account(event.account());
            self.tx.emit(&root, encode(change(event)))?;
        }
        for (account, record) in std::mem::take(&mut self.records) {
            let root = ScopeRoot::Account(account);
            self.tx.emit(&root, encode(audited(record)))?;
        }
        Ok(self.tx.commit().await?.token())
    }
}

#[cfg(test)]
mod tests {
    use bailiwick_sql::DbConfig;
    use bailiwick_tenancy_core::{
        Event, State, Title,
        account::Account,
        place::{Place, PlaceId},
    };
    use bailiwick_testkit::{ManualClock, TestDb, on_both_engines, witness};
    use bailiwick_types::{Code, Fault, Timestamp, WorkspaceId};
    use sea_orm::EntityTrait;
    use uuid::Uuid;

    use super::*;
    use crate::store::entity;

    on_both_engines! {
        a_row_of_another_account_is_an_internal_error
    }

    fn id(n: u128) -> AccountId {
        AccountId::from_uuid(Uuid::from_u128(n))
    }

    fn account(id: AccountId) -> Account {
        let at = Timestamp(1);
        Account {
            id,
            product: "shop".parse().unwrap(),
            title: Title::try_from("A".to_owned()).unwrap(),
            state: State::Active,
            owner: None,
            seats: 0,
            billing_anchor: at,
            created: at,
            updated: at,
            version: 1,
            closing: false,
        }
    }

    fn workspace(account: AccountId) -> Place {
        Place {
            account,
            id: PlaceId::Workspace(WorkspaceId::from_uuid(Uuid::from_u128(9))),
            parent: None,
            title: Title::try_from("W".to_owned()).unwrap(),
            edition: None,
            state: State::Active,
            created: Timestamp(1),
            updated: Timestamp(1),
            version: 1,
            closing: false,
            moved_from: None,
        }
    }

    async fn a_row_of_another_account_is_an_internal_error(database: TestDb) {
        let clock = Arc::new(ManualClock::default());
        let db = Db::connect(DbConfig::new(database.url()), Service::Tenancy, clock);
        let db = db.await.unwrap();
        db.migrate(&crate::migrations()).await.unwrap();
        let store = SqlStore::new(db.clone());
        let (own, other) = (id(1), id(2));
        for id in [own, other] {
            let mut write = store.write(witness::system().account(id)).await.unwrap();
            write.insert_account(&account(id)).await.unwrap();
            let created = true;
            write.emit(Event::Account {
                account: account(id),
                created,
            });
            write.insert_place(&workspace(id)).await.unwrap();
            write.commit().await.unwrap();
        }
        // A statement that forgot its account, in a transaction that reaches all of them.
        let unit = Unit::new(db.begin_read_across().await.unwrap(), own);
        let rows = entity::place::Entity::find().all(unit.conn()).await.unwrap();
        assert_eq!(rows.len(), 2);
        for row in rows {
            let is_own = row.account_id == own.uuid();
            match unit.value::<_, Place>(row) {
                Ok(place) => assert!(is_own && place.account == own),
                Err(error) => assert!(!is_own && StoreError::from(error).code() == Code::Internal),
            }
        }
        let mut write = store.write(witness::system().account(own)).await.unwrap();
        let refused = write.insert_place(&workspace(other)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Internal);
        let refused = write.update_account(&account(other)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Internal);
    }
}
