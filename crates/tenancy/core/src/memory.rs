//! A store in memory, for the tests of the rules.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bailiwick_testkit::{ManualClock, witness};
use bailiwick_types::{
    AccountAccess, AccountId, AccountWrite, AllAccounts, Authorized, Caller, CallerKind, InstanceId, Level,
    Method, PageRequest, PageSize, ProductName, Scope, ScopeRoot, SeededIds, Service, SourceVersion,
    StoreError, Subject, Target, Timestamp, Token, UserId, WorkspaceId,
};
use uuid::Uuid;

use crate::{
    Event, Limits, State, Tenancy, Title,
    account::{self, Account, AccountFilter},
    closing::{self, Closing},
    listing::{Key, Query, Viewer},
    moving::{self, Moving},
    peer::{Authorization, Declined, Foreseen, MoveError, PeerError},
    place::{self, Place, PlaceFilter, PlaceId},
    product::{self, Product, apply},
    request::{self, Record, RequestKey},
    settings::{self, Settings},
    store::{Read, ReadAll, Store, Write},
};

const SHOP: &str = r#"{"product": "shop", "levels": {"account": {}, "instance": {"editions": ["chs"]}, "workspace": {}},
    "settings": {"strict": {"type": "bool", "default": true}, "limit": {"type": "int", "max": 10}}}"#;
const CLUB: &str = r#"{"product": "club", "levels": {"account": {}, "workspace": {}},
    "roles": {"owner": {"holders": {"exactly": 1}, "levels": {"account": {}}}}}"#;
const PLAIN: &str = r#"{"product": "plain", "levels": {"account": {}}}"#;

/// The account that the witnesses are for.
pub(crate) fn account_id() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

/// Another account.
pub(crate) fn other_id() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(2))
}

pub(crate) fn title(text: &str) -> Title {
    text.to_owned().try_into().unwrap()
}

pub(crate) fn key(id: u128, digest: &str) -> Option<RequestKey> {
    Some(RequestKey {
        caller: "user:x".to_owned(),
        id: Uuid::from_u128(id),
        digest: digest.to_owned(),
    })
}

pub(crate) fn first_page() -> PageRequest<Key> {
    let size = PageSize::new(10).unwrap();
    PageRequest { size, after: None }
}

fn caller(account: Option<AccountId>) -> Arc<Caller> {
    let user = UserId::from_uuid(Uuid::from_u128(9));
    witness::caller(CallerKind::User, Subject::user(user), account)
}

/// The operator in the account.
pub(crate) fn operator<M: Method>() -> Authorized<M> {
    witness::authorized(&caller(None), &Target::account(account_id()), true)
}

/// The operator in the other account.
pub(crate) fn operator_there<M: Method>() -> Authorized<M> {
    witness::authorized(&caller(None), &Target::account(other_id()), true)
}

/// The operator in a call that names no account.
pub(crate) fn operator_of_all<M: Method>() -> Authorized<M> {
    witness::authorized(&caller(None), &Target::none(), true)
}

/// A member of the account.
pub(crate) fn member<M: Method>() -> Authorized<M> {
    witness::authorized(&caller(Some(account_id())), &Target::account(account_id()), false)
}

/// A member of the account in a call that names none.
pub(crate) fn member_of_all<M: Method>() -> Authorized<M> {
    witness::authorized(&caller(Some(account_id())), &Target::none(), false)
}

/// What the caller of a list may view.
pub(crate) enum Sees {
    All,
    Only(Vec<Scope>),
    Unknown,
}

#[async_trait]
impl Viewer for Sees {
    type Error = ();
    async fn may_view(&self, scopes: &[Scope]) -> Result<Vec<bool>, ()> {
        match self {
            Self::All => Ok(vec![true; scopes.len()]),
            Self::Only(seen) => Ok(scopes.iter().map(|scope| seen.contains(scope)).collect()),
            Self::Unknown => Err(()),
        }
    }
}

/// An authorization service that records its calls and may be away.
#[derive(Default)]
struct Recorder {
    closed: Mutex<Vec<(Scope, u64, bool)>>,
    moved: Mutex<Vec<Moving>>,
    declined: Mutex<Option<Declined>>,
    away: AtomicBool,
    away_after_preview: AtomicBool,
    no_previews: AtomicBool,
}

impl Recorder {
    fn refusal(&self, away: &AtomicBool) -> Result<(), MoveError> {
        if away.load(Ordering::SeqCst) {
            return Err(PeerError::Unavailable("away".to_owned()).into());
        }
        match self.declined.lock().unwrap().clone() {
            Some(declined) => Err(declined.into()),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Authorization for Recorder {
    async fn close_scope(&self, closing: &Closing, _: &Token) -> Result<(), PeerError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(PeerError::Unavailable("away".to_owned()));
        }
        let closed = (closing.scope.clone(), closing.version, closing.deletes());
        self.closed.lock().unwrap().push(closed);
        Ok(())
    }
    async fn move_scope(&self, moving: &Moving, _: &Token) -> Result<(), MoveError> {
        self.refusal(&self.away_after_preview)?;
        self.refusal(&self.away)?;
        self.moved.lock().unwrap().push(moving.clone());
        Ok(())
    }
    async fn check_move(&self, _: &Moving, _: &Token) -> Result<(), MoveError> {
        self.refusal(&self.away)
    }
    async fn preview_move(&self, moving: &Moving, _: &Token) -> Result<Vec<Foreseen>, MoveError> {
        self.refusal(&self.away)?;
        if self.no_previews.load(Ordering::SeqCst) {
            return Err(PeerError::Refused("no previews".to_owned()).into());
        }
        let scope = moving.scope().to_string();
        Ok(vec![Foreseen {
            scope,
            ..Foreseen::default()
        }])
    }
}

/// The use cases on an empty store with the products `shop`, `club` and `plain`.
pub(crate) struct World {
    pub(crate) tenancy: Tenancy,
    pub(crate) memory: Memory,
    authorization: Arc<Recorder>,
}

impl World {
    pub(crate) fn new() -> Self {
        let (memory, authorization) = (Memory::default(), Arc::new(Recorder::default()));
        for (name, manifest) in [("shop", SHOP), ("club", CLUB), ("plain", PLAIN)] {
            let product =
                product::parse(&name.parse().unwrap(), SourceVersion::new("first", 1), manifest).unwrap();
            memory.data().products.insert(product.name.to_string(), product);
        }
        let tenancy = Tenancy {
            store: Arc::new(memory.clone()),
            authorization: authorization.clone(),
            clock: Arc::new(ManualClock::default()),
            ids: Arc::new(SeededIds::new(1_000)),
            limits: Limits::default(),
        };
        Self {
            tenancy,
            memory,
            authorization,
        }
    }
    pub(crate) fn account(&self) -> Account {
        self.account_with(|_| ())
    }
    pub(crate) fn account_with(&self, change: impl FnOnce(&mut Account)) -> Account {
        self.insert_account(account_id(), change)
    }
    pub(crate) fn other_account(&self) -> Account {
        self.insert_account(other_id(), |_| ())
    }
    pub(crate) fn change_other(&self, change: impl FnOnce(&mut Account)) {
        self.insert_account(other_id(), change);
    }
    fn insert_account(&self, id: AccountId, change: impl FnOnce(&mut Account)) -> Account {
        let mut account = Account {
            id,
            product: "shop".parse().unwrap(),
            title: title("A"),
            state: State::Active,
            owner: None,
            seats: 0,
            billing_anchor: Timestamp(1),
            created: Timestamp(1),
            updated: Timestamp(1),
            version: 1,
            closing: false,
        };
        change(&mut account);
        self.memory.data().accounts.insert(id, account.clone());
        account
    }
    pub(crate) fn instance_with(&self, change: impl FnOnce(&mut Place)) -> InstanceId {
        let id = InstanceId::generate(&*self.tenancy.ids);
        self.insert_place(account_id(), id.into(), change);
        id
    }
    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.workspace_with(|_| ())
    }
    pub(crate) fn workspace_with(&self, change: impl FnOnce(&mut Place)) -> WorkspaceId {
        let id = WorkspaceId::generate(&*self.tenancy.ids);
        self.insert_place(account_id(), id.into(), change);
        id
    }
    pub(crate) fn other_workspace(&self) -> WorkspaceId {
        let id = WorkspaceId::generate(&*self.tenancy.ids);
        self.insert_place(other_id(), id.into(), |_| ());
        id
    }
    fn insert_place(&self, account: AccountId, id: PlaceId, change: impl FnOnce(&mut Place)) {
        let mut place = Place::new(account, id, title("P"), Timestamp(1));
        change(&mut place);
        self.memory.data().places.insert((account, id.uuid()), place);
    }
    pub(crate) fn events(&self) -> Vec<Event> {
        self.memory.data().events.clone()
    }
    pub(crate) fn unfinished(&self) -> Vec<Closing> {
        self.memory.data().closings.clone()
    }
    /// The calls of authorization: scope, version, whether it is deleted.
    pub(crate) fn audited(&self) -> Vec<(AccountId, crate::audit::Record)> {
        self.memory.data().audits.clone()
    }
    pub(crate) fn closed(&self) -> Vec<(Scope, u64, bool)> {
        self.authorization.closed.lock().unwrap().clone()
    }
    /// The moves that authorization has made.
    pub(crate) fn moved(&self) -> Vec<Moving> {
        self.authorization.moved.lock().unwrap().clone()
    }
    pub(crate) fn unfinished_moves(&self) -> Vec<Moving> {
        let data = self.memory.data();
        let mut moves: Vec<Moving> = data.moves.iter().map(|(_, moving)| moving.clone()).collect();
        moves.dedup();
        moves
    }
    /// Authorization answers no previews.
    pub(crate) fn authorization_previews_nothing(&self) {
        self.authorization.no_previews.store(true, Ordering::SeqCst);
    }
    /// Authorization answers checks and then no move.
    pub(crate) fn authorization_goes_away_after_previews(&self, away: bool) {
        self.authorization
            .away_after_preview
            .store(away, Ordering::SeqCst);
    }
    pub(crate) fn authorization_declines(&self, declined: Option<Declined>) {
        *self.authorization.declined.lock().unwrap() = declined;
    }
    /// A place as it is kept, deleted ones included.
    pub(crate) fn kept_places(&self, id: WorkspaceId) -> Vec<Place> {
        let data = self.memory.data();
        data.places
            .values()
            .filter(|place| place.id.uuid() == id.uuid())
            .cloned()
            .collect()
    }
    pub(crate) fn authorization_is_away(&self, away: bool) {
        self.authorization.away.store(away, Ordering::SeqCst);
    }
}

#[derive(Clone, Default)]
struct Data {
    accounts: BTreeMap<AccountId, Account>,
    places: BTreeMap<(AccountId, Uuid), Place>,
    settings: BTreeMap<AccountId, Settings>,
    products: BTreeMap<String, Product>,
    requests: BTreeMap<(String, Uuid), Record>,
    closings: Vec<Closing>,
    moves: Vec<(AccountId, Moving)>,
    events: Vec<Event>,
    audits: Vec<(AccountId, crate::audit::Record)>,
}

/// The store.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Data>>);

impl Memory {
    fn data(&self) -> std::sync::MutexGuard<'_, Data> {
        self.0.lock().unwrap()
    }
    fn unit(&self, account: Option<AccountId>) -> Box<Unit> {
        Box::new(Unit {
            store: self.clone(),
            data: self.data().clone(),
            account,
        })
    }
}

/// A unit of work: a copy of the data, which replaces them by a commit.
struct Unit {
    store: Memory,
    data: Data,
    account: Option<AccountId>,
}

impl Unit {
    fn id(&self) -> AccountId {
        self.account.unwrap()
    }
    fn token_now(&self) -> Token {
        let revision = u64::try_from(self.data.events.len()).unwrap();
        Token::of(Service::Tenancy, "e", ScopeRoot::Account(self.id()), revision)
    }
    fn places(&self) -> impl Iterator<Item = &Place> {
        let gone = |id: InstanceId| {
            let parent = self.data.places.get(&(self.id(), id.uuid()));
            parent.is_some_and(|place| place.state == State::Deleted)
        };
        self.data.places.values().filter(move |place| {
            place.account == self.id() && place.state != State::Deleted && !place.parent.is_some_and(gone)
        })
    }
}

#[async_trait]
impl Store for Memory {
    async fn read(&self, account: AccountAccess) -> Result<Box<dyn Read>, StoreError> {
        Ok(self.unit(Some(account.id())))
    }
    async fn read_all(&self, _: AllAccounts) -> Result<Box<dyn ReadAll>, StoreError> {
        Ok(self.unit(None))
    }
    async fn write(&self, account: AccountWrite) -> Result<Box<dyn Write>, StoreError> {
        Ok(self.unit(Some(account.id())))
    }
    async fn write_both(&self, first: AccountWrite, _: AccountWrite) -> Result<Box<dyn Write>, StoreError> {
        Ok(self.unit(Some(first.id())))
    }
    async fn find_product(&self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        Ok(self.data().products.get(name.as_str()).cloned())
    }
    async fn product_of_caller(&self, caller: &Caller) -> Result<Option<Product>, StoreError> {
        let data = self.data();
        let account = caller.account().and_then(|account| data.accounts.get(&account));
        Ok(account.and_then(|account| data.products.get(account.product.as_str()).cloned()))
    }
}

impl Read for Unit {}

impl ReadAll for Unit {}

#[async_trait]
impl Write for Unit {
    fn select(&mut self, account: AccountWrite) {
        self.account = Some(account.id());
    }
    fn emit(&mut self, event: Event) {
        self.data.events.push(event);
    }
    fn audit(&mut self, record: crate::audit::Record) {
        self.data.audits.push((self.id(), record));
    }
    async fn commit(self: Box<Self>) -> Result<Token, StoreError> {
        let token = self.token_now();
        *self.store.data() = self.data;
        Ok(token)
    }
}

#[async_trait]
impl account::Reader for Unit {
    async fn find_account(&mut self) -> Result<Option<Account>, StoreError> {
        let account = self.data.accounts.get(&self.id());
        Ok(account.filter(|account| account.state != State::Deleted).cloned())
    }
}

#[async_trait]
impl account::Lister for Unit {
    async fn list_accounts(
        &mut self,
        filter: &AccountFilter,
        _: &Query,
        after: Option<&Key>,
        _: u64,
    ) -> Result<Vec<Account>, StoreError> {
        let shown = |account: &&Account| filter.account.is_none_or(|id| id == account.id);
        let accounts = self.data.accounts.values().filter(shown);
        Ok(accounts.filter(|_| after.is_none()).cloned().collect())
    }
}

#[async_trait]
impl account::Writer for Unit {
    async fn insert_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.update_account(account).await
    }
    async fn update_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.data.accounts.insert(self.id(), account.clone());
        Ok(())
    }
}

#[async_trait]
impl place::Reader for Unit {
    async fn find_place(&mut self, id: PlaceId) -> Result<Option<Place>, StoreError> {
        let place = self.places().find(|place| place.id == id).cloned();
        Ok(place)
    }
    async fn any_place(&mut self, id: PlaceId) -> Result<Option<Place>, StoreError> {
        Ok(self.data.places.get(&(self.id(), id.uuid())).cloned())
    }
    async fn list_places(
        &mut self,
        filter: PlaceFilter,
        _: &Query,
        after: Option<&Key>,
        _: u64,
    ) -> Result<Vec<Place>, StoreError> {
        let level = |place: &&Place| place.id.level() == filter.level;
        let places = self.places().filter(level).filter(|_| after.is_none());
        Ok(places.cloned().collect())
    }
    async fn has_places(&mut self, parent: Option<InstanceId>) -> Result<bool, StoreError> {
        let arrives = |(account, moving): &(AccountId, Moving)| {
            *account == self.id()
                && moving.target == *account
                && (parent.is_none() || moving.parent == parent)
        };
        let found = self
            .places()
            .any(|place| parent.is_none() || place.parent == parent);
        Ok(found || self.data.moves.iter().any(arrives))
    }
    async fn count_places(&mut self, level: Level) -> Result<u64, StoreError> {
        let arrives = |(account, moving): &&(AccountId, Moving)| {
            level == Level::Workspace
                && *account == self.id()
                && moving.target == *account
                && !moving.is_within()
        };
        let coming = self.data.moves.iter().filter(arrives).count();
        Ok((self.places().filter(|place| place.id.level() == level).count() + coming) as u64)
    }
}

#[async_trait]
impl place::Writer for Unit {
    async fn insert_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.update_place(place).await
    }
    async fn update_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.data
            .places
            .insert((self.id(), place.id.uuid()), place.clone());
        Ok(())
    }
    async fn put_place(&mut self, place: &Place) -> Result<(), StoreError> {
        self.update_place(place).await
    }
}

#[async_trait]
impl settings::Reader for Unit {
    async fn find_settings(&mut self) -> Result<Settings, StoreError> {
        let found = self.data.settings.get(&self.id()).cloned();
        Ok(found.unwrap_or_else(|| Settings::none(self.id())))
    }
}

#[async_trait]
impl settings::Writer for Unit {
    async fn put_settings(&mut self, settings: &Settings) -> Result<(), StoreError> {
        self.data.settings.insert(self.id(), settings.clone());
        Ok(())
    }
}

#[async_trait]
impl product::Reader for Unit {
    async fn find_product(&mut self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        Ok(self.data.products.get(name.as_str()).cloned())
    }
}

#[async_trait]
impl product::Reader for Memory {
    async fn find_product(&mut self, name: &ProductName) -> Result<Option<Product>, StoreError> {
        Ok(self.data().products.get(name.as_str()).cloned())
    }
}

#[async_trait]
impl apply::Writer for Memory {
    async fn put_product(&mut self, product: &Product) -> Result<(), StoreError> {
        self.data()
            .products
            .insert(product.name.to_string(), product.clone());
        Ok(())
    }
}

#[async_trait]
impl request::Reader for Unit {
    async fn find_request(&mut self, caller: &str, id: Uuid) -> Result<Option<Record>, StoreError> {
        Ok(self.data.requests.get(&(caller.to_owned(), id)).cloned())
    }
}

#[async_trait]
impl request::Writer for Unit {
    async fn record_request(
        &mut self,
        key: &RequestKey,
        answer: serde_json::Value,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let record = Record {
            digest: key.digest.clone(),
            answer,
            token: self.token_now(),
        };
        let before = self.data.requests.insert((key.caller.clone(), key.id), record);
        let free = before.is_none();
        free.then_some(())
            .ok_or_else(|| StoreError::conflict("a concurrent request has the same id"))
    }
}

#[async_trait]
impl closing::Reader for Unit {
    async fn find_closing(&mut self, scope: &Scope) -> Result<Option<Closing>, StoreError> {
        let found = self.data.closings.iter().find(|closing| closing.scope == *scope);
        Ok(found.cloned())
    }
    async fn token(&mut self) -> Result<Token, StoreError> {
        Ok(self.token_now())
    }
}

#[async_trait]
impl closing::Unfinished for Unit {
    async fn unfinished(&mut self, _: Timestamp, _: u64) -> Result<Vec<Closing>, StoreError> {
        Ok(self.data.closings.clone())
    }
}

#[async_trait]
impl closing::Writer for Unit {
    async fn insert_closing(&mut self, closing: &Closing) -> Result<(), StoreError> {
        self.data.closings.push(closing.clone());
        Ok(())
    }
    async fn remove_closing(&mut self, closing: &Closing) -> Result<bool, StoreError> {
        let before = self.data.closings.len();
        self.data.closings.retain(|kept| kept != closing);
        Ok(self.data.closings.len() < before)
    }
}

#[async_trait]
impl moving::Reader for Unit {
    async fn find_moving(&mut self, id: WorkspaceId) -> Result<Option<Moving>, StoreError> {
        let own = |(account, moving): &&(AccountId, Moving)| {
            *account == self.id() && moving.account == *account && moving.workspace == id
        };
        Ok(self.data.moves.iter().find(own).map(|(_, moving)| moving.clone()))
    }
}

#[async_trait]
impl moving::Unfinished for Unit {
    async fn unfinished_moves(
        &mut self,
        _: Timestamp,
        _: Option<&Moving>,
        _: u64,
    ) -> Result<Vec<Moving>, StoreError> {
        let source = self
            .data
            .moves
            .iter()
            .filter(|(account, moving)| moving.account == *account);
        Ok(source.map(|(_, moving)| moving.clone()).collect())
    }
}

#[async_trait]
impl moving::Writer for Unit {
    async fn insert_moving(&mut self, moving: &Moving) -> Result<(), StoreError> {
        self.data.moves.push((self.id(), moving.clone()));
        Ok(())
    }
    async fn remove_moving(&mut self, moving: &Moving) -> Result<bool, StoreError> {
        let before = self.data.moves.len();
        let own = self.id();
        self.data
            .moves
            .retain(|(account, one)| *account != own || one != moving);
        Ok(self.data.moves.len() < before)
    }
}
