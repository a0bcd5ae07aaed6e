//! A store in memory with one account, for the tests of the rules.

use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bailiwick_policy::{AccountPolicy, Numbers, PlaceState, compile, manifest, manifest::MemberKind};
use bailiwick_testkit::{ManualClock, witness};
use bailiwick_types::{
    AccountAccess, AccountId, AccountWrite, AllAccounts, Authorized, BindingId, Caller, CallerKind, GrantId,
    GroupId, Method, Scope, ScopeRoot, SeededIds, ServiceAccountId, SessionId, SourceVersion, StoreError,
    Subject, Target, Timestamp, Token, UserId, WorkspaceId, method::authorization::AssignRole,
};
use serde_json::Map;
use uuid::Uuid;

use crate::{
    Change, Error, Limits, Ports, Read, Store, Unit, Work,
    account::{Account, Place},
    binding::Binding,
    draft::{Draft, Rows},
    grant::{About, Grant},
    group::Group,
    member::Member,
    operation::{self, Done, Operation},
    person::{Person, PersonState, ServiceAccount},
    preview::Effect,
    product::Product,
    resource::{Name, Resource},
};

/// The product of the account. Roles: one owner, at least one admin, editors and viewers who hold parts of
/// it, and a manager who assigns viewers alone.
pub(crate) const STUDIO: &str = "
product: studio
levels: {account: {}, workspace: {}}
subjects: {user: members}
types:
  folder:
    verbs: [view, create, edit, delete]
    implies: {edit: [view]}
  project:
    verbs: [view, create, edit, distribute, approve_distribution, delete]
    implies: {edit: [view]}
    on: [folder]
    quota: per_member
    approvals:
      distribute: {by: project.approve_distribution, serves: once}
  page:
    verbs: [view, create, edit, delete, publish]
    attributes: {secret: {type: bool}}
    approvals:
      publish: {by: page.edit, serves: once, when_setting: reviews}
  note: {verbs: [view], registered: false}
settings:
  allowed_domains: {type: domains, max: 15}
  reviews: {type: bool, default: false}
roles:
  owner:
    holders: {exactly: 1}
    levels:
      account: {permissions: ['*'], assigns: ['*']}
      workspace: {permissions: ['*'], assigns: ['*']}
  admin:
    holders: {at_least: 1}
    levels:
      account: {permissions: [{permission: '*', approval: none}], assigns: ['*']}
  manager:
    levels:
      account:
        permissions: [user.view, user.invite, user.remove, user.suspend, user.edit, group.edit, grant.edit, role.define, project.view]
        assigns: [viewer]
      workspace:
        permissions: [user.invite, user.remove, project.view]
        assigns: [viewer]
  editor:
    levels:
      account: {permissions: [folder.*, project.view, project.create, project.edit, project.distribute, project.delete]}
      workspace: {permissions: [folder.*, project.view, project.create, project.edit, project.distribute, project.delete]}
  viewer:
    levels:
      account: {permissions: [folder.view, project.view]}
      workspace: {permissions: [folder.view, project.view]}
  keeper:
    levels:
      account: {permissions: [{permission: project.delete, when: resource.owner == subject.id}]}
  printer:
    levels:
      account: {permissions: [page.publish]}
";

/// What is kept between units of work.
pub(crate) struct Kept {
    pub(crate) rows: Rows,
    pub(crate) changes: Vec<(ScopeRoot, Change)>,
    revision: u64,
}

/// The store.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Mutex<Kept>>);

impl Memory {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap()
    }
    fn unit(&self) -> Box<Draft> {
        let kept = self.lock();
        let mut draft = Draft::of(kept.rows.clone(), kept.revision + 1);
        draft.memory = Some(self.clone());
        Box::new(draft)
    }
    /// Keeps what a unit of work has written.
    pub(crate) fn keep(&self, draft: Draft) -> Token {
        let mut kept = self.lock();
        kept.rows = draft.rows;
        kept.changes.extend(draft.changes);
        kept.revision += 1;
        Token::default()
    }
}

#[async_trait]
impl Store for Memory {
    async fn read(&self, _: AccountAccess) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
        Ok(self.unit())
    }
    async fn read_all(&self, _: AllAccounts) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
        Ok(self.unit())
    }
    async fn write(&self, account: AccountWrite) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
        let known = self.lock().rows.account.as_ref().map(|account| account.id) == Some(account.id());
        Ok(known.then(|| self.unit() as Box<dyn Unit + Send + Sync>))
    }
    async fn write_accounts(
        &self,
        _: AllAccounts,
        accounts: &[AccountId],
    ) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
        let own = self.lock().rows.account.as_ref().map(|account| account.id);
        let known = accounts.iter().all(|id| own == Some(*id));
        Ok(known.then(|| self.unit() as Box<dyn Unit + Send + Sync>))
    }
    async fn write_all(
        &self,
        _: AllAccounts,
        _: &[ScopeRoot],
    ) -> Result<Box<dyn Unit + Send + Sync>, StoreError> {
        Ok(self.unit())
    }
}

/// The account.
/// The history of the followed services.
pub(crate) const EPOCH: &str = "first";

/// A version in it.
pub(crate) fn version(number: u64) -> SourceVersion {
    SourceVersion::new(EPOCH, number)
}

pub(crate) fn account_id() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

/// The account as a scope.
pub(crate) fn account() -> Scope {
    Scope::Account(account_id())
}

/// The workspace in the account.
pub(crate) fn workspace() -> Scope {
    Scope::Workspace(WorkspaceId::from_uuid(Uuid::from_u128(2)))
}

/// Users have numbers.
pub(crate) fn user(n: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(1_000 + n))
}

pub(crate) fn subject(n: u128) -> Subject {
    Subject::user(user(n))
}

/// What calls are about. Methods that ask for a verb of a type ask for one of projects.
fn target() -> Target {
    Target::account(account_id()).of_type("project")
}

/// A name like `project:x`.
pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// An account of the product `studio` with a workspace, and who acts in it. Nobody is a member yet.
pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) memory: Memory,
}

impl World {
    pub(crate) async fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let kept = Kept {
            rows: Rows::default(),
            changes: Vec::new(),
            revision: 1,
        };
        let memory = Memory(Arc::new(Mutex::new(kept)));
        let ports = Ports {
            store: Arc::new(memory.clone()),
            clock: clock.clone(),
            ids: Arc::new(SeededIds::new(1_000_000)),
            limits: Limits::default(),
        };
        let world = Self { ports, clock, memory };
        let (product, _) = compile(&manifest::parse(STUDIO).unwrap(), Numbers::default()).unwrap();
        let settings = std::collections::BTreeMap::new();
        let account = Account {
            id: account_id(),
            product: "studio".parse().unwrap(),
            title: "Account".to_owned(),
            state: PlaceState::Active,
            version: version(1),
            closed_version: None,
            seats: 0,
            billing_anchor: world.now(),
            settings: settings.clone(),
            settings_version: SourceVersion::default(),
            created_at: world.now(),
        };
        {
            let mut kept = world.memory.lock();
            let policy = AccountPolicy::compile(Arc::new(product), Vec::new(), Vec::new(), settings);
            kept.rows.policy = Some(Arc::new(policy));
            kept.rows.account = Some(account);
        }
        world.workspace_is(PlaceState::Active).await;
        world
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
    /// Writes rows as they are given.
    pub(crate) async fn put(&self, write: impl AsyncFnOnce(&mut Draft) -> Result<(), StoreError>) {
        let mut unit = self.memory.unit();
        write(&mut unit).await.unwrap();
        self.memory.keep(*unit);
    }
    /// What is there now.
    pub(crate) fn read(&self) -> Box<Draft> {
        self.memory.unit()
    }
    /// What was told, in order.
    pub(crate) fn told(&self) -> Vec<Change> {
        self.memory
            .lock()
            .changes
            .iter()
            .map(|(_, change)| change.clone())
            .collect()
    }
    pub(crate) async fn change_account(&self, change: impl FnOnce(&mut Account)) {
        let mut account = self.memory.lock().rows.account.clone().unwrap();
        change(&mut account);
        self.put(async |write| crate::account::Writer::put_account(write, &account).await)
            .await;
    }
    pub(crate) async fn workspace_is(&self, state: PlaceState) {
        let place = Place {
            account: account_id(),
            scope: workspace(),
            parent: account(),
            title: "Workspace".to_owned(),
            edition: None,
            state,
            version: version(1),
            closed_version: None,
            created_at: self.now(),
        };
        self.put(async |write| crate::account::Writer::put_place(write, &place).await)
            .await;
    }
    /// A user whom identity has told of.
    pub(crate) async fn person(&self, n: u128) -> UserId {
        let person = Person {
            version: version(1),
            email: format!("user{n}@example.com"),
            email_verified: true,
            ..Person::unknown(user(n))
        };
        self.put(async |write| crate::person::Writer::put_person(write, &person).await)
            .await;
        user(n)
    }
    pub(crate) async fn disable(&self, n: u128) {
        let person = Person {
            version: version(2),
            state: PersonState::Disabled,
            ..Person::unknown(user(n))
        };
        self.put(async |write| crate::person::Writer::put_person(write, &person).await)
            .await;
    }
    /// A member (an agent) with a role on the account; without one where the role is empty.
    pub(crate) async fn member(&self, n: u128, role: &str) -> UserId {
        self.person(n).await;
        let member = Member::new(account_id(), user(n), MemberKind::Agent, self.now());
        self.put_member(member).await;
        if !role.is_empty() {
            self.bind(&subject(n), role, &account()).await;
        }
        user(n)
    }
    pub(crate) async fn put_member(&self, member: Member) {
        self.put(async |write| crate::member::Writer::put_member(write, &member).await)
            .await;
    }
    pub(crate) async fn bind(&self, to: &Subject, role: &str, scope: &Scope) -> Binding {
        let binding = Binding {
            id: BindingId::generate(&*self.ports.ids),
            account: account_id(),
            subject: to.clone(),
            role: role.to_owned(),
            scope: scope.clone(),
            key: String::new(),
            parameters: Map::new(),
            expires_at: None,
            created_at: self.now(),
            creator: None,
        };
        self.put(async |write| crate::binding::Writer::put_binding(write, &binding).await)
            .await;
        binding
    }
    pub(crate) async fn grant(&self, to: &Subject, permissions: &[&str], about: About) -> Grant {
        let grant = Grant {
            id: GrantId::generate(&*self.ports.ids),
            account: account_id(),
            subject: to.clone(),
            permissions: permissions.iter().map(|text| (*text).to_owned()).collect(),
            generation: 0,
            about,
            parameters: Map::new(),
            expires_at: None,
            revision: self.memory.lock().revision,
            created_at: self.now(),
            creator: None,
        };
        self.put(async |write| crate::grant::Writer::put_grant(write, &grant).await)
            .await;
        grant
    }
    /// A group with these in it.
    pub(crate) async fn group(&self, members: &[Subject]) -> GroupId {
        let group = Group {
            id: GroupId::generate(&*self.ports.ids),
            account: account_id(),
            title: "Group".to_owned(),
            created_at: self.now(),
        };
        self.put(async |write| {
            crate::group::Writer::put_group(write, &group).await?;
            for member in members {
                crate::group::Writer::set_group_member(write, group.id, member, true).await?;
            }
            Ok(())
        })
        .await;
        group.id
    }
    /// A resource in a scope, below another where one is named, that nobody owns.
    pub(crate) async fn resource(&self, text: &str, scope: &Scope, parent: Option<&str>) -> Name {
        let resource = Resource {
            account: account_id(),
            name: name(text),
            scope: scope.clone(),
            owner: None,
            parent: parent.map(name),
            title: String::new(),
            attributes: Map::new(),
            revision: self.memory.lock().revision,
            created_at: self.now(),
            updated_at: self.now(),
        };
        self.put(async |write| crate::resource::Writer::put_resource(write, &resource).await)
            .await;
        resource.name
    }
    fn caller(&self, n: u128) -> Arc<Caller> {
        let session = SessionId::generate(&*self.ports.ids);
        witness::user(subject(n), Some(account_id()), session)
    }
    /// A call by a user that the guard let pass.
    pub(crate) fn by<M: Method>(&self, n: u128) -> Authorized<M> {
        witness::authorized(&self.caller(n), &target(), false)
    }
    /// A call by the operator.
    pub(crate) fn by_operator<M: Method>(&self) -> Authorized<M> {
        let session = SessionId::generate(&*self.ports.ids);
        let caller = witness::user(subject(999), None, session);
        witness::authorized(&caller, &target(), true)
    }
    /// Carries an operation out for a user.
    pub(crate) async fn run<O: Operation>(&self, n: u128, operation: O) -> Result<O::Output, Error> {
        let by = self.by(n);
        operation::run(&self.ports, &by, operation)
            .await
            .map(Done::output)
    }
    /// Carries an operation out for the operator.
    pub(crate) async fn operate<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
        let by = self.by_operator();
        operation::run(&self.ports, &by, operation)
            .await
            .map(Done::output)
    }
    /// Previews an operation of a user.
    pub(crate) async fn preview<O: Operation>(&self, n: u128, operation: O) -> Result<Vec<Effect>, Error> {
        let by = witness::previewing(&self.caller(n), &target(), false);
        match operation::run(&self.ports, &by, operation).await? {
            Done::Previewed(_, effects) => Ok(effects),
            Done::Committed(..) => panic!("a preview commits nothing"),
        }
    }
    /// The names of a user's roles on a scope.
    pub(crate) async fn roles(&self, n: u128, scope: &Scope) -> Vec<String> {
        let all = crate::binding::Reader::bindings_of(&*self.read(), &subject(n))
            .await
            .unwrap();
        let here = all.into_iter().filter(|binding| binding.scope == *scope);
        here.map(|binding| binding.role).collect()
    }
    /// A user's membership.
    pub(crate) async fn membership(&self, n: u128) -> Option<Member> {
        crate::member::Reader::member(&*self.read(), user(n))
            .await
            .unwrap()
    }
    pub(crate) async fn change_member(&self, n: u128, change: impl FnOnce(&mut Member)) {
        let mut member = self.membership(n).await.unwrap();
        change(&mut member);
        self.put_member(member).await;
    }
    /// A service account of a user's making, with a role on the account.
    pub(crate) async fn service(&self, maker: u128, role: &str) -> Subject {
        let service = ServiceAccount {
            id: ServiceAccountId::generate(&*self.ports.ids),
            version: version(1),
            closed_version: None,
            enabled: true,
            root: ScopeRoot::Account(account_id()),
            role: Some(role.to_owned()),
            creator: Some(subject(maker)),
        };
        self.put(async |write| crate::person::Writer::put_service_account(write, &service).await)
            .await;
        let subject = Subject::service(service.id);
        self.bind(&subject, role, &account()).await;
        subject
    }
    /// Carries an operation out for a service account.
    pub(crate) async fn run_as<O: Operation>(
        &self,
        service: &Subject,
        operation: O,
    ) -> Result<O::Output, Error> {
        let caller = witness::caller(CallerKind::Service, service.clone(), Some(account_id()));
        let by = witness::authorized(&caller, &target(), false);
        operation::run(&self.ports, &by, operation)
            .await
            .map(Done::output)
    }
    /// Previews an operation of the operator.
    pub(crate) async fn preview_as_operator<O: Operation>(&self, operation: O) -> Result<Vec<Effect>, Error> {
        let session = SessionId::generate(&*self.ports.ids);
        let caller = witness::user(subject(999), None, session);
        let by = witness::previewing(&caller, &Target::account(account_id()), true);
        match operation::run(&self.ports, &by, operation).await? {
            Done::Previewed(_, effects) => Ok(effects),
            Done::Committed(..) => panic!("a preview commits nothing"),
        }
    }
    /// The last entry of the audit log.
    pub(crate) fn last_entry(&self) -> crate::Audit {
        let entry = |change: Change| match change {
            Change::Audited(entry) => Some(entry),
            _ => None,
        };
        self.told().into_iter().rev().find_map(entry).unwrap()
    }
    /// A change under way, to ask rules directly.
    pub(crate) async fn work(&self, by: &Authorized<AssignRole>) -> Work {
        let work = Work::begin(&self.ports, by, self.read(), &[]).await;
        work.unwrap().unwrap()
    }
    /// A resource as it is now.
    pub(crate) async fn found(&self, text: &str) -> Option<Resource> {
        let read = self.read();
        crate::resource::Reader::resource(&*read, &name(text))
            .await
            .unwrap()
    }
    /// Target and details of the last entry of the audit log.
    pub(crate) fn audited(&self) -> (String, Vec<(String, String)>) {
        let audit = self.last_entry();
        (audit.target, audit.details.into_iter().collect())
    }
    /// Decides by another manifest from now on.
    pub(crate) fn use_manifest(&self, manifest: &str) {
        let (product, _) = compile(&manifest::parse(manifest).unwrap(), Numbers::default()).unwrap();
        let mut kept = self.memory.lock();
        let settings = kept.rows.account.as_ref().unwrap().settings.clone();
        let policy = AccountPolicy::compile(Arc::new(product), Vec::new(), Vec::new(), settings);
        kept.rows.policy = Some(Arc::new(policy));
    }
    /// A manifest that was applied.
    pub(crate) async fn product(&self, source: &str) -> Product {
        let manifest = manifest::parse(source).unwrap();
        let (_, numbers) = compile(&manifest, Numbers::default()).unwrap();
        let product = Product {
            name: manifest.product.parse().unwrap(),
            version: 1,
            source: source.to_owned(),
            manifest,
            numbers,
            updated_at: self.now(),
        };
        self.put(async |write| crate::product::Writer::put_product(write, &product).await)
            .await;
        product
    }
    /// A call by the operator that names no account.
    pub(crate) fn by_deployment<M: Method>(&self) -> Authorized<M> {
        witness::authorized(&self.operator(), &Target::none(), true)
    }
    /// The same as a dry run.
    pub(crate) fn trying_by_deployment<M: Method>(&self) -> Authorized<M> {
        witness::previewing(&self.operator(), &Target::none(), true)
    }
    fn operator(&self) -> Arc<Caller> {
        witness::user(subject(999), None, SessionId::generate(&*self.ports.ids))
    }
    /// A call by another service of the suite.
    pub(crate) fn by_suite<M: Method>(&self) -> Authorized<M> {
        witness::authorized(&witness::peer_of::<M>(), &Target::none(), false)
    }
    /// Ports whose reads across accounts see the world as it is now, whatever changes later.
    pub(crate) fn lagging(&self) -> Ports {
        let kept = self.memory.lock();
        let then = Kept {
            rows: kept.rows.clone(),
            changes: Vec::new(),
            revision: kept.revision,
        };
        let store = Lagging {
            now: self.memory.clone(),
            then: Memory(Arc::new(Mutex::new(then))),
        };
        Ports {
            store: Arc::new(store),
            ..self.ports.clone()
        }
    }
}

/// A store whose reads across accounts are old.
struct Lagging {
    now: Memory,
    then: Memory,
}

#[async_trait]
impl Store for Lagging {
    async fn read(&self, account: AccountAccess) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
        self.now.read(account).await
    }
    async fn read_all(&self, all: AllAccounts) -> Result<Box<dyn Read + Send + Sync>, StoreError> {
        self.then.read_all(all).await
    }
    async fn write(&self, account: AccountWrite) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
        self.now.write(account).await
    }
    async fn write_accounts(
        &self,
        all: AllAccounts,
        accounts: &[AccountId],
    ) -> Result<Option<Box<dyn Unit + Send + Sync>>, StoreError> {
        self.now.write_accounts(all, accounts).await
    }
    async fn write_all(
        &self,
        all: AllAccounts,
        roots: &[ScopeRoot],
    ) -> Result<Box<dyn Unit + Send + Sync>, StoreError> {
        self.now.write_all(all, roots).await
    }
}
