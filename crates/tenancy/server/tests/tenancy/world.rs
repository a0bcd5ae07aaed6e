//! A tenancy service with a database of its own, and authorization's part played by a list of rights.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bailiwick_feed::{LocalFeedSource, change, encode};
use bailiwick_proto::{
    events::v1::{ProductApplied, change::Change},
    tenancy::v1::{
        self as pb, account_service_server::AccountService, instance_service_server::InstanceService,
        workspace_service_server::WorkspaceService,
    },
};
use bailiwick_rpc::{
    Context, Guard, HumanDuration, IntegrityConfig, MacKeys, OperatorAllowed, Purpose, RequestDigest, Rights,
    RightsError, Secret, StepUp, StepUpError,
};
use bailiwick_sql::{
    Cursor, CursorRefused, Db, DbConfig, OutboxRow,
    follow::{Event, Events, FeedSink, FeedSource, Page, SourceError},
};
use bailiwick_tenancy_core::{
    Limits, Tenancy,
    closing::Closing,
    moving::Moving,
    peer::{Authorization, Declined, Foreseen, MoveError, PeerError},
    store::Store,
};
use bailiwick_tenancy_server::{
    Api, AuditDeps, AuditFeeds, AuditSecrets, Deps, ProductSink, SqlStore, TenancyConfig, TenancyService,
    TenancySnapshot, build, migrations,
};
use bailiwick_testkit::{Fixture, ManualClock, TestDb, witness};
use bailiwick_types::{
    AccountId, Caller, CallerKind, Declaration, Held, ScopeRoot, SeededIds, Service, SessionId, Subject,
    SystemRng, Timestamp, Token, UserId,
};
use tokio_util::task::TaskTracker;
use tonic::{Request, Status};
use tonic_types::StatusExt;

pub(crate) const SHOP: &str = r#"{"product": "shop", "levels": {"account": {}, "instance": {"editions": ["chs", "ehs"]},
    "workspace": {}}, "settings": {"allowed_domains": {"type": "domains", "max": 2},
    "strict": {"type": "bool", "default": true}, "limit": {"type": "int", "max": 10}}}"#;
pub(crate) const CLUB: &str = r#"{"product": "club", "levels": {"account": {}, "workspace": {}},
    "roles": {"owner": {"holders": {"exactly": 1}, "levels": {"account": {}}}}}"#;

/// Who has what: users with an account's token by this list, the operator by its role.
#[derive(Default)]
pub(crate) struct ListedRights {
    held: Mutex<BTreeSet<(String, String, String)>>,
    /// The targets that were asked about.
    pub(crate) asked: AtomicUsize,
    /// The token of the last question.
    pub(crate) carried: Mutex<Option<Token>>,
}

#[async_trait]
impl Rights for ListedRights {
    async fn held(
        &self,
        subject: &Subject,
        _: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        *self.carried.lock().unwrap() = bailiwick_rpc::carried_token();
        self.asked.fetch_add(targets.len(), Ordering::SeqCst);
        let by_deployment = *subject == operator_subject() && operator != OperatorAllowed::No;
        let held = self.held.lock().unwrap();
        let key = |target: &String| (subject.to_string(), permission.to_owned(), target.clone());
        let own = operator != OperatorAllowed::Only;
        let allowed = targets
            .iter()
            .map(|target| by_deployment || (own && held.contains(&key(target))));
        Ok(Held {
            allowed: allowed.collect(),
            operator: by_deployment,
        })
    }

    async fn is_stranger(&self, subject: &Subject, _: Option<AccountId>) -> Result<bool, RightsError> {
        let held = self.held.lock().unwrap();
        let has = held.iter().any(|(who, _, _)| *who == subject.to_string());
        Ok(*subject != operator_subject() && !has)
    }
}

#[async_trait]
impl StepUp for ListedRights {
    async fn consume(
        &self,
        _: SessionId,
        _: &'static Declaration,
        _: &RequestDigest,
    ) -> Result<(), StepUpError> {
        Err(StepUpError::Required)
    }
}

/// Remembers what it was told; can be away.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) closed: Mutex<Vec<(Closing, Token)>>,
    pub(crate) moved: Mutex<Vec<(Moving, Token)>>,
    /// What it refuses a move with.
    pub(crate) declines: Mutex<Option<Declined>>,
    /// Whether it answers previews and then no move.
    pub(crate) only_previews: AtomicBool,
    pub(crate) away: AtomicBool,
}

#[async_trait]
impl Authorization for Told {
    async fn close_scope(&self, closing: &Closing, seen: &Token) -> Result<(), PeerError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(PeerError::Unavailable("away".to_owned()));
        }
        self.closed.lock().unwrap().push((closing.clone(), seen.clone()));
        Ok(())
    }
    async fn move_scope(&self, moving: &Moving, seen: &Token) -> Result<(), MoveError> {
        if self.away.load(Ordering::SeqCst) || self.only_previews.load(Ordering::SeqCst) {
            return Err(PeerError::Unavailable("away".to_owned()).into());
        }
        if let Some(declined) = self.declines.lock().unwrap().clone() {
            return Err(declined.into());
        }
        self.moved.lock().unwrap().push((moving.clone(), seen.clone()));
        Ok(())
    }
    async fn check_move(&self, _: &Moving, _: &Token) -> Result<(), MoveError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(PeerError::Unavailable("away".to_owned()).into());
        }
        Ok(())
    }
    async fn preview_move(&self, _: &Moving, _: &Token) -> Result<Vec<Foreseen>, MoveError> {
        Ok(Vec::new())
    }
}

/// A feed that nobody follows: tests apply the events that they need.
struct NoFeed;

#[async_trait]
impl FeedSource for NoFeed {
    async fn read(&self, _: &Cursor, _: u32, _: Duration) -> Result<Events, SourceError> {
        unreachable!("the follower does not run")
    }
    async fn head(&self) -> Result<Cursor, SourceError> {
        unreachable!("the follower does not run")
    }
    async fn page(&self, _: Option<&str>) -> Result<Page, SourceError> {
        unreachable!("the follower does not run")
    }
}

pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) service: TenancyService,
    pub(crate) tenancy: Tenancy,
    pub(crate) db: Db,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) rights: Arc<ListedRights>,
    pub(crate) told: Arc<Told>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) identity: Arc<Script>,
    _database: TestDb,
}

pub(crate) fn user(n: u128) -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(n))
}

fn operator_subject() -> Subject {
    Subject::user(user(1))
}

impl Fixture for World {
    async fn on(database: TestDb) -> Self {
        Self::limited(database, Limits::default()).await
    }
}

impl World {
    async fn limited(database: TestDb, limits: Limits) -> Self {
        let clock = Arc::new(ManualClock::default());
        let db = Db::connect(DbConfig::new(database.url()), Service::Tenancy, clock.clone())
            .await
            .unwrap();
        db.migrate(&migrations()).await.unwrap();
        let (rights, told) = (Arc::new(ListedRights::default()), Arc::new(Told::default()));
        let store: Arc<dyn Store> = Arc::new(SqlStore::new(db.clone()));
        let tenancy = Tenancy {
            store: store.clone(),
            authorization: told.clone(),
            clock: clock.clone(),
            ids: Arc::new(SeededIds::new(2_000)),
            limits,
        };
        let identity = Arc::new(Script::default());
        let own = LocalFeedSource::new(db.clone(), Arc::new(TenancySnapshot::new(db.clone())));
        let service = build(Deps {
            config: TenancyConfig {
                token_wait: HumanDuration::from(Duration::from_millis(50)),
                limits,
                ..TenancyConfig::default()
            },
            db: db.clone(),
            authorization: told.clone(),
            products: Arc::new(NoFeed),
            clock: clock.clone(),
            ids: Arc::new(SeededIds::new(1_000)),
            rng: Arc::new(SystemRng),
            tasks: TaskTracker::new(),
            system: witness::system(),
            audit: AuditDeps {
                secrets: secrets("a"),
                feeds: AuditFeeds(vec![
                    (Service::Tenancy, Arc::new(own)),
                    (Service::Identity, identity.clone()),
                ]),
            },
        });
        let world = Self {
            api: service.api(Guard::new(rights.clone(), rights.clone())),
            service,
            tenancy,
            db,
            store,
            rights,
            told,
            clock,
            identity,
            _database: database,
        };
        world.apply("shop", 1, SHOP).await;
        world.apply("club", 1, CLUB).await;
        world
    }
}

/// Identity's feed, as a test writes it.
pub(crate) struct Script(pub(crate) Mutex<Scripted>);

pub(crate) struct Scripted {
    pub(crate) epoch: &'static str,
    pub(crate) changes: Vec<Vec<Change>>,
    /// Events up to here are not kept any more.
    pub(crate) pruned: usize,
    /// What a snapshot shows.
    pub(crate) snapshot: Vec<Change>,
}

impl Default for Script {
    fn default() -> Self {
        Self(Mutex::new(Scripted {
            epoch: "i1",
            changes: Vec::new(),
            pruned: 0,
            snapshot: Vec::new(),
        }))
    }
}

impl Script {
    /// Adds an event.
    pub(crate) fn tell(&self, changes: Vec<Change>) {
        self.0.lock().unwrap().changes.push(changes);
    }
}

#[async_trait]
impl FeedSource for Script {
    async fn read(&self, after: &Cursor, limit: u32, _: Duration) -> Result<Events, SourceError> {
        let script = self.0.lock().unwrap();
        let head = script.changes.len();
        let position = usize::try_from(after.position).unwrap();
        let refused = if *after.epoch != *script.epoch {
            Some(CursorRefused::OtherEpoch)
        } else if position > head {
            Some(CursorRefused::AheadOfHead)
        } else if position < script.pruned {
            Some(CursorRefused::OlderThanRetention)
        } else {
            None
        };
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        let limit = usize::try_from(limit).unwrap();
        let numbered = script.changes.iter().zip(1_u64..).skip(position).take(limit);
        let events: Vec<Event> = numbered
            .map(|(changes, position)| Event {
                root: ScopeRoot::Deployment,
                revision: position,
                position,
                created_at: Timestamp(i64::try_from(position).unwrap()),
                changes: changes.iter().cloned().map(encode).collect(),
            })
            .collect();
        Ok(Events {
            epoch: script.epoch.into(),
            head: u64::try_from(head).unwrap(),
            upto: events.last().map_or(after.position, |event| event.position),
            events,
        })
    }
    async fn head(&self) -> Result<Cursor, SourceError> {
        let script = self.0.lock().unwrap();
        Ok(Cursor {
            epoch: script.epoch.into(),
            position: u64::try_from(script.changes.len()).unwrap(),
        })
    }
    async fn page(&self, _: Option<&str>) -> Result<Page, SourceError> {
        let script = self.0.lock().unwrap();
        Ok(Page {
            items: script.snapshot.iter().cloned().map(encode).collect(),
            ..Page::default()
        })
    }
}

/// Secrets of the audit log.
pub(crate) fn secrets(secret: &str) -> AuditSecrets {
    rotated(secret, "")
}

/// Secrets of the audit log after a rotation.
pub(crate) fn rotated(secret: &str, previous: &str) -> AuditSecrets {
    let config = IntegrityConfig {
        secret: Some(Secret::new(secret.repeat(32))),
        previous_secret: Some(Secret::new(previous.repeat(32))),
    };
    let sealing = [secret, previous].into_iter().filter(|secret| !secret.is_empty());
    AuditSecrets {
        keys: MacKeys::derive(&config, Purpose::AuditLog).unwrap(),
        sealing: sealing.map(|secret| secret.repeat(32).into()).collect(),
    }
}

/// A world whose accounts may have two instances and three workspaces.
pub(crate) struct Narrow(pub(crate) World);

impl Fixture for Narrow {
    async fn on(database: TestDb) -> Self {
        let limits = Limits {
            instances: 2,
            workspaces: 3,
        };
        Self(World::limited(database, limits).await)
    }
}

/// A change of a product, as authorization's feed brings it.
pub(crate) fn sink() -> ProductSink {
    ProductSink::new(witness::system())
}

impl World {
    /// What authorization's feed brings when a product is applied.
    pub(crate) async fn apply(&self, product: &str, version: u64, manifest: &str) {
        self.apply_in("first", product, version, manifest).await;
    }
    /// The same in a history of authorization.
    pub(crate) async fn apply_in(&self, epoch: &str, product: &str, version: u64, manifest: &str) {
        let applied = Change::ProductApplied(ProductApplied {
            product: product.to_owned(),
            version,
            manifest: manifest.to_owned(),
        });
        let event = Event {
            root: format!("product:{product}").parse().unwrap(),
            revision: version,
            position: version,
            created_at: Timestamp::default(),
            changes: vec![encode(applied)],
        };
        let mut tx = self.db.begin_write_across(&[]).await.unwrap();
        sink().apply(&mut tx, &epoch.into(), &event).await.unwrap();
        tx.commit().await.unwrap();
    }
    pub(crate) fn allow(&self, user: UserId, permission: &str, target: impl std::fmt::Display) {
        let key = (
            Subject::user(user).to_string(),
            permission.to_owned(),
            target.to_string(),
        );
        self.rights.held.lock().unwrap().insert(key);
    }
    /// All that tenancy has told so far, but for the audit log: root, revision, changes.
    pub(crate) async fn feed(&self) -> Vec<(ScopeRoot, u64, Vec<Change>)> {
        let feed = self.db.feed();
        let start = Cursor {
            epoch: feed.settled_head().await.unwrap().epoch,
            position: 0,
        };
        let rows = feed.read(&start, 10_000).await.unwrap().rows;
        let is_state = |change: &Change| !matches!(change, Change::Audited(_));
        let changes = |row: &OutboxRow| {
            let all = row.changes.iter().map(|bytes| change(bytes).unwrap());
            all.filter(is_state).collect()
        };
        rows.iter()
            .map(|row| (row.root.clone(), row.revision, changes(row)))
            .collect()
    }
    pub(crate) async fn account(&self, title: &str) -> String {
        let request = pb::CreateAccountRequest {
            product: "shop".to_owned(),
            title: title.to_owned(),
            ..Default::default()
        };
        let made = self
            .api
            .create_account(operator("AccountService/CreateAccount", request))
            .await;
        made.unwrap().into_inner().account.unwrap().account
    }
    pub(crate) async fn instance(&self, account: &str, title: &str) -> String {
        let request = pb::CreateInstanceRequest {
            account: account.to_owned(),
            title: title.to_owned(),
            edition: "chs".to_owned(),
            ..Default::default()
        };
        let made = self
            .api
            .create_instance(operator("InstanceService/CreateInstance", request))
            .await;
        made.unwrap().into_inner().instance.unwrap().instance
    }
    pub(crate) async fn workspace(&self, account: &str, parent: &str, title: &str) -> String {
        let request = pb::CreateWorkspaceRequest {
            account: account.to_owned(),
            parent: parent.to_owned(),
            title: title.to_owned(),
            ..Default::default()
        };
        let made = self
            .api
            .create_workspace(operator("WorkspaceService/CreateWorkspace", request))
            .await;
        made.unwrap().into_inner().workspace.unwrap().workspace
    }
}

fn request<T>(method: &str, message: T, caller: Caller, token: Token) -> Request<T> {
    let method = bailiwick_proto::method(&format!("/bailiwick.tenancy.v1.{method}")).unwrap();
    let mut context = Context::new(method, caller);
    context.token = token;
    let mut request = Request::new(message);
    request.extensions_mut().insert(context);
    request
}

fn caller(user: UserId, account: Option<&str>) -> Caller {
    let account = account.map(|account| account.parse().unwrap());
    (*witness::caller(CallerKind::User, Subject::user(user), account)).clone()
}

/// A call of the operator, whose token is for no account.
pub(crate) fn operator<T>(method: &str, message: T) -> Request<T> {
    request(method, message, caller(user(1), None), Token::default())
}

/// The same with a consistency token.
pub(crate) fn operator_with<T>(method: &str, message: T, token: Token) -> Request<T> {
    request(method, message, caller(user(1), None), token)
}

/// A call of a user whose token is for no account.
pub(crate) fn without_account<T>(who: UserId, method: &str, message: T) -> Request<T> {
    request(method, message, caller(who, None), Token::default())
}

/// A call of a user with a token for an account.
pub(crate) fn as_user<T>(who: UserId, account: &str, method: &str, message: T) -> Request<T> {
    request(method, message, caller(who, Some(account)), Token::default())
}

/// The code, the reason and the fields of a refusal.
pub(crate) fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (tonic::Code, String, Vec<String>) {
    let status = answer.unwrap_err();
    let details = status.get_error_details();
    let reason = details
        .error_info()
        .map(|info| info.reason.clone())
        .unwrap_or_default();
    let fields = details
        .bad_request()
        .map(|bad| bad.field_violations.iter().map(|v| v.field.clone()).collect());
    (status.code(), reason, fields.unwrap_or_default())
}

/// Settings as the requests have them.
pub(crate) fn values(json: serde_json::Value) -> prost_types::Struct {
    let map: BTreeMap<String, serde_json::Value> = serde_json::from_value(json).unwrap();
    bailiwick_rpc::wire::struct_of(map)
}
