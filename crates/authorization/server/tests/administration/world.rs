//! A database of authorization with products in it, and people who act.

use std::{fmt::Debug, sync::Arc};

use bailiwick_authorization_core::{
    Error, Limits, Ports, Read, Unit,
    binding::{Binding, assign::Assign, revoke::Revoke},
    follow::{
        AccountTold, PersonTold, PlaceTold, SettingsTold, Way, account_changed, person_changed,
        place_changed, service_account_changed, settings_changed,
    },
    grant::{self, About},
    group,
    member::{self, Member},
    operation::{self, Done, Operation},
    person::{PersonState, ServiceAccount},
    preview::Effect,
    product::{Replacement, apply, preview},
    resource::{
        Name,
        register::{Owner, Register},
        update::Update,
    },
    role::change::Change,
};
use bailiwick_authorization_server::{SqlStore, migrations};
use bailiwick_policy::{PlaceState, manifest::MemberKind};
use bailiwick_sql::{Db, DbConfig, Migrations};
use bailiwick_testkit::{Fixture, ManualClock, TestDb, witness};
use bailiwick_types::{
    AccountId, Authorized, Caller, CallerKind, Code, Fault, GroupId, IdGen, InstanceId, Method, Scope,
    ScopeRoot, SeededIds, Service, ServiceAccountId, SessionId, SourceVersion, Subject, Target, Timestamp,
    UserId, WorkspaceId,
};
use serde_json::Map;

pub(crate) const ONE_QUESTION: &str = include_str!("../../../../../products/one-question.yaml");
pub(crate) const E_SATISFACTION: &str = include_str!("../../../../../products/e-satisfaction.yaml");
pub(crate) const ISERVICE: &str = include_str!("../../../../../products/iservice.yaml");
pub(crate) const SOGOLYTICS: &str = include_str!("../../../../../products/sogolytics.yaml");

pub(crate) struct World {
    pub(crate) ports: Ports,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) db: Db,
    pub(crate) database: TestDb,
}

/// Who calls: credentials, and whether by a role of the deployment.
pub(crate) struct By {
    caller: Arc<Caller>,
    operator: bool,
}

impl By {
    fn user(user: UserId, account: Option<AccountId>, operator: bool, ids: &dyn IdGen) -> Self {
        let session = SessionId::generate(ids);
        Self {
            caller: witness::user(Subject::user(user), account, session),
            operator,
        }
    }
    /// The subject.
    pub(crate) fn subject(&self) -> &Subject {
        self.caller.subject().unwrap()
    }
    /// The witness of a call that the guard let pass.
    pub(crate) fn on<M: Method>(&self, target: &Target) -> Authorized<M> {
        witness::authorized(&self.caller, target, self.operator)
    }
}

/// The witness of a call by another service of the suite.
pub(crate) fn by_suite<M: Method>(target: &Target) -> Authorized<M> {
    witness::authorized(&witness::peer_of::<M>(), target, false)
}

/// The account, with a type for methods that declare the permission `TYPE.verb`.
fn on(account: AccountId) -> Target {
    Target::account(account).of_type("resource")
}

/// A role without an end.
pub(crate) fn assign(subject: Subject, role: &str, scope: &Scope) -> Assign {
    Assign {
        subject,
        role: role.to_owned(),
        scope: scope.clone(),
        parameters: Map::new(),
        expires_at: None,
        key: None,
        replace: false,
    }
}

/// Permissions without an end.
pub(crate) fn grant(subject: Subject, permissions: &[&str], about: About) -> grant::create::Create {
    grant::create::Create {
        subject,
        permissions: texts(permissions),
        about,
        parameters: Map::new(),
        expires_at: None,
        request_id: None,
    }
}

/// A resource of the caller's.
pub(crate) fn register(of: &str, scope: &Scope) -> Register {
    Register {
        name: name(of),
        scope: scope.clone(),
        owner: Owner::Caller,
        parent: None,
        title: String::new(),
        attributes: Map::new(),
    }
}

/// A change of a resource that changes nothing yet.
pub(crate) fn update(of: &str) -> Update {
    Update {
        name: name(of),
        title: None,
        parent: None,
        attributes: Map::new(),
    }
}

/// A change of a role that changes nothing yet.
pub(crate) fn change(role: &str) -> Change {
    Change {
        role: role.to_owned(),
        level: None,
        add: Vec::new(),
        remove: Vec::new(),
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The operation was refused because of a missing right.
#[track_caller]
pub(crate) fn denied<T>(done: Result<T, impl Fault>) {
    let code = done.err().map(|error| error.code());
    assert_eq!(code, Some(Code::PermissionDenied));
}

impl Fixture for World {
    async fn on(database: TestDb) -> Self {
        let clock = Arc::new(ManualClock::default());
        let db = Db::connect(
            DbConfig::new(database.url()),
            Service::Authorization,
            clock.clone(),
        )
        .await
        .unwrap();
        db.migrate(&Migrations::new(Service::Authorization, migrations()))
            .await
            .unwrap();
        let store = Arc::new(SqlStore::new(db.clone()));
        let ids = Arc::new(SeededIds::new(1_000_000));
        let ports = Ports {
            store,
            clock: clock.clone(),
            ids,
            limits: Limits::default(),
        };
        let world = Self {
            ports,
            clock,
            db,
            database,
        };
        for source in [ONE_QUESTION, E_SATISFACTION, ISERVICE, SOGOLYTICS] {
            world.apply(source).await.unwrap();
        }
        world
    }
}

impl World {
    pub(crate) async fn postgres() -> Self {
        Self::on(TestDb::postgres().await).await
    }
    pub(crate) fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }
    pub(crate) fn operator(&self) -> By {
        self.operator_as(UserId::generate(&*self.ports.ids))
    }
    /// A user that is an operator too.
    pub(crate) fn operator_as(&self, user: UserId) -> By {
        By::user(user, None, true, &*self.ports.ids)
    }
    /// A service account with a token.
    pub(crate) fn by_service(&self, service: ServiceAccountId) -> By {
        By {
            caller: witness::caller(CallerKind::Service, Subject::service(service), None),
            operator: false,
        }
    }
    /// Reads an account.
    pub(crate) async fn read(&self, account: AccountId) -> Box<dyn Read + Send + Sync> {
        let access = witness::system().account(account).read();
        self.ports.store.read(access).await.unwrap()
    }
    /// Reads what belongs to no account, or to all.
    pub(crate) async fn read_all(&self) -> Box<dyn Read + Send + Sync> {
        let all = witness::system().all_accounts();
        self.ports.store.read_all(all).await.unwrap()
    }
    /// Writes these roots, as a follower does.
    pub(crate) async fn write(&self, roots: &[ScopeRoot]) -> Box<dyn Unit + Send + Sync> {
        let all = witness::system().all_accounts();
        self.ports.store.write_all(all, roots).await.unwrap()
    }
    /// Carries an operation out.
    pub(crate) async fn run<O: Operation>(
        &self,
        by: &By,
        account: AccountId,
        operation: O,
    ) -> Result<O::Output, Error> {
        let by = by.on::<O::Method>(&on(account));
        operation::run(&self.ports, &by, operation)
            .await
            .map(Done::output)
    }
    /// Previews an operation: its effects.
    pub(crate) async fn preview<O: Operation>(
        &self,
        by: &By,
        account: AccountId,
        operation: O,
    ) -> Result<Vec<Effect>, Error> {
        Ok(self.preview_all(by, account, operation).await?.1)
    }
    /// Previews an operation: what it would make, and its effects.
    pub(crate) async fn preview_all<O: Operation>(
        &self,
        by: &By,
        account: AccountId,
        operation: O,
    ) -> Result<(O::Output, Vec<Effect>), Error> {
        let by = witness::previewing::<O::Method>(&by.caller, &on(account), by.operator);
        match operation::run(&self.ports, &by, operation).await? {
            Done::Previewed(output, effects) => Ok((output, effects)),
            Done::Committed(..) => panic!("a preview commits nothing"),
        }
    }
    /// A service account with a role on an account, and who made it.
    pub(crate) async fn service(
        &self,
        account: AccountId,
        role: &str,
        creator: Option<&Subject>,
    ) -> ServiceAccountId {
        let told = ServiceAccount {
            id: ServiceAccountId::generate(&*self.ports.ids),
            version: version_of(1),
            closed_version: None,
            enabled: true,
            root: ScopeRoot::Account(account),
            role: Some(role.to_owned()),
            creator: creator.cloned(),
        };
        self.tell_service(told.clone()).await;
        told.id
    }
    pub(crate) async fn tell_service(&self, told: ServiceAccount) {
        let mut unit = self.write(&[ScopeRoot::Deployment, told.root.clone()]).await;
        if let ScopeRoot::Account(account) = &told.root {
            unit.select(witness::system().account(*account).read());
        }
        service_account_changed(&mut *unit, &*self.ports.ids, self.now(), told, Way::Event)
            .await
            .unwrap();
        unit.commit().await.unwrap();
    }
    /// A user with a token for the account.
    pub(crate) fn by(&self, user: UserId, account: AccountId) -> By {
        By::user(user, Some(account), false, &*self.ports.ids)
    }
    pub(crate) async fn apply(&self, source: &str) -> Result<apply::Applied, apply::Error> {
        self.apply_replacing(source, &[]).await
    }
    /// Applies a manifest and tells what becomes of roles that it takes away.
    pub(crate) async fn apply_replacing(
        &self,
        source: &str,
        replacements: &[(&str, Option<&str>)],
    ) -> Result<apply::Applied, apply::Error> {
        let told = replacements.iter().map(|(role, by)| Replacement {
            role: (*role).to_owned(),
            by: by.map(str::to_owned),
        });
        let apply = apply::Apply {
            source: source.to_owned(),
            replacements: told.collect(),
        };
        apply::apply(&self.ports, &self.operator().on(&Target::none()), apply).await
    }
    /// A page of what a manifest would do.
    pub(crate) async fn preview_manifest(
        &self,
        page: preview::Preview,
    ) -> Result<preview::Page, preview::Error> {
        preview::preview(&self.ports, &self.operator().on(&Target::none()), page).await
    }
    pub(crate) async fn person(&self, email: &str) -> UserId {
        let user = UserId::generate(&*self.ports.ids);
        self.tell_person(user, 1, PersonState::Active, email).await;
        user
    }
    pub(crate) async fn tell_person(&self, user: UserId, version: u64, state: PersonState, email: &str) {
        let told = PersonTold {
            user,
            version: version_of(version),
            way: Way::Event,
            state,
            email: email.to_owned(),
            email_verified: true,
            operator: false,
        };
        self.tell(told).await;
    }
    /// Replicates a user.
    pub(crate) async fn tell(&self, told: PersonTold) {
        let subject = Subject::user(told.user);
        let accounts = self.read_all().await.accounts_of(&subject).await.unwrap();
        let mut roots: Vec<ScopeRoot> = accounts.iter().copied().map(ScopeRoot::Account).collect();
        roots.push(ScopeRoot::Deployment);
        let mut unit = self.write(&roots).await;
        person_changed(&mut *unit, &accounts, told).await.unwrap();
        unit.commit().await.unwrap();
    }
    pub(crate) fn account_told(&self, id: AccountId, product: &str, version: u64) -> AccountTold {
        AccountTold {
            id,
            version: version_of(version),
            way: Way::Event,
            product: product.parse().unwrap(),
            title: "Account".to_owned(),
            state: PlaceState::Active,
            owner: None,
            seats: 0,
            billing_anchor: None,
        }
    }
    pub(crate) async fn tell_account(&self, told: AccountTold) {
        let mut unit = self.write(&[ScopeRoot::Account(told.id)]).await;
        unit.select(witness::system().account(told.id).read());
        account_changed(&mut *unit, &*self.ports.ids, self.now(), told)
            .await
            .unwrap();
        unit.commit().await.unwrap();
    }
    pub(crate) async fn account(&self, product: &str, owner: Option<UserId>, seats: u32) -> AccountId {
        let id = AccountId::generate(&*self.ports.ids);
        let told = self.account_told(id, product, 1);
        self.tell_account(AccountTold {
            owner: owner.map(Subject::user),
            seats,
            ..told
        })
        .await;
        id
    }
    pub(crate) async fn tell_place(&self, told: PlaceTold) {
        let mut unit = self.write(&[ScopeRoot::Account(told.account)]).await;
        unit.select(witness::system().account(told.account).read());
        place_changed(&mut *unit, &*self.ports.ids, self.now(), told)
            .await
            .unwrap();
        unit.commit().await.unwrap();
    }
    pub(crate) fn place_told(account: AccountId, scope: &Scope, version: u64) -> PlaceTold {
        PlaceTold {
            account,
            scope: scope.clone(),
            version: version_of(version),
            way: Way::Event,
            parent: Scope::Account(account),
            title: "Place".to_owned(),
            edition: None,
            state: PlaceState::Active,
            owner: None,
            moved_from: None,
        }
    }
    pub(crate) async fn instance(&self, account: AccountId) -> Scope {
        let scope = Scope::Instance(InstanceId::from_uuid(self.ports.ids.uuid()));
        self.tell_place(Self::place_told(account, &scope, 1)).await;
        scope
    }
    pub(crate) async fn workspace(&self, account: AccountId) -> Scope {
        let scope = Scope::Workspace(WorkspaceId::from_uuid(self.ports.ids.uuid()));
        self.tell_place(Self::place_told(account, &scope, 1)).await;
        scope
    }
    pub(crate) async fn join(&self, user: UserId, account: AccountId) -> Result<Member, Error> {
        let create = member::create::Create {
            user,
            kind: MemberKind::Agent,
            expires_at: None,
        };
        self.run(&self.operator(), account, create).await
    }
    /// A person who is a member.
    pub(crate) async fn member(&self, email: &str, account: AccountId) -> UserId {
        let user = self.person(email).await;
        self.join(user, account).await.unwrap();
        user
    }
    /// A member with a role on the account.
    pub(crate) async fn holder(&self, email: &str, account: AccountId, role: &str) -> UserId {
        let user = self.member(email, account).await;
        let at = Scope::Account(account);
        self.assign(&self.operator(), account, (user, role, &at))
            .await
            .unwrap();
        user
    }
    pub(crate) async fn assign(
        &self,
        by: &By,
        account: AccountId,
        (user, role, scope): (UserId, &str, &Scope),
    ) -> Result<Binding, Error> {
        let assign = assign(Subject::user(user), role, scope);
        self.run(by, account, assign).await
    }
    pub(crate) async fn revoke(
        &self,
        by: &By,
        account: AccountId,
        (user, role, scope): (UserId, &str, &Scope),
    ) -> Result<(), Error> {
        let revoke = Revoke {
            subject: Subject::user(user),
            role: role.to_owned(),
            scope: scope.clone(),
            key: None,
        };
        self.run(by, account, revoke).await
    }
    /// An empty group.
    pub(crate) async fn group(&self, by: &By, account: AccountId) -> GroupId {
        let create = group::create::Create {
            title: "Group".to_owned(),
            request_id: None,
        };
        self.run(by, account, create).await.unwrap().id
    }
    /// The names of a user's roles on a scope.
    pub(crate) async fn roles(&self, account: AccountId, user: UserId, scope: &Scope) -> Vec<String> {
        let read = self.read(account).await;
        let all = read.bindings_of(&Subject::user(user)).await.unwrap();
        all.into_iter()
            .filter(|binding| binding.scope == *scope)
            .map(|binding| binding.role)
            .collect()
    }
    /// An operator whose rights are there to be looked at again.
    pub(crate) async fn maker(&self) -> By {
        let user = UserId::generate(&*self.ports.ids);
        let root = ScopeRoot::Deployment;
        let mut unit = self.write(std::slice::from_ref(&root)).await;
        unit.set_root_binding(&root, &Subject::user(user), "operator", true)
            .await
            .unwrap();
        unit.commit().await.unwrap();
        self.operator_as(user)
    }
    /// A user with a token for no account.
    pub(crate) fn signed_in(&self, user: UserId) -> By {
        By::user(user, None, false, &*self.ports.ids)
    }
    /// Replicates the settings of an account.
    pub(crate) async fn tell_settings(&self, told: SettingsTold) {
        let account = told.account;
        let mut unit = self.write(&[ScopeRoot::Account(account)]).await;
        unit.select(witness::system().account(account).read());
        settings_changed(&mut *unit, told).await.unwrap();
        unit.commit().await.unwrap();
    }
}

/// A version in the history that tenancy and identity have at first.
pub(crate) fn version_of(number: u64) -> SourceVersion {
    SourceVersion::new("first", number)
}

/// The code of a refusal.
#[track_caller]
pub(crate) fn code<T: Debug>(refused: Result<T, impl Fault>) -> Code {
    refused.unwrap_err().code()
}

/// The reason of a refusal.
#[track_caller]
pub(crate) fn reason<T: Debug>(refused: Result<T, impl Fault>) -> &'static str {
    refused.unwrap_err().reason().as_str()
}
