//! A database of authorization with products in it, and people who act.

use std::sync::Arc;

use bailiwick_authorization_core::{
    Ports,
    binding::{self, Binding, assign::Assign, revoke::Revoke},
    follow::{
        AccountTold, PersonTold, PlaceTold, account_changed, person_changed, place_changed,
        service_account_changed,
    },
    member::{self, Member},
    operation::{self, Done, Operation},
    person::{PersonState, ServiceAccount},
    preview::Effect,
    product::{Replacement, apply},
};
use bailiwick_authorization_server::{SqlStore, migrations};
use bailiwick_policy::{PlaceState, manifest::MemberKind};
use bailiwick_sql::{Db, DbConfig, Migrations};
use bailiwick_testkit::{Fixture, ManualClock, TestDb, witness};
use bailiwick_types::{
    AccountId, Authorized, Caller, CallerKind, IdGen, InstanceId, Method, Scope, ScopeRoot, SeededIds,
    Service, ServiceAccountId, SessionId, Subject, Target, Timestamp, UserId, WorkspaceId,
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
    _database: TestDb,
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
        };
        let world = Self {
            ports,
            clock,
            db,
            _database: database,
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
    /// Carries an operation out.
    pub(crate) async fn run<O: Operation>(
        &self,
        by: &By,
        account: AccountId,
        operation: O,
    ) -> Result<O::Output, O::Error> {
        let by = by.on::<O::Method>(&Target::account(account));
        operation::run(&self.ports, &by, operation)
            .await
            .map(Done::output)
    }
    /// Tells the effects of an operation.
    pub(crate) async fn preview<O: Operation>(
        &self,
        by: &By,
        account: AccountId,
        operation: O,
    ) -> Result<Vec<Effect>, O::Error> {
        let target = Target::account(account);
        let by = witness::previewing::<O::Method>(&by.caller, &target, by.operator);
        match operation::run(&self.ports, &by, operation).await? {
            Done::Previewed(_, effects) => Ok(effects),
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
            version: 1,
            enabled: true,
            root: ScopeRoot::Account(account),
            role: Some(role.to_owned()),
            creator: creator.cloned(),
        };
        self.tell_service(told.clone()).await;
        told.id
    }
    pub(crate) async fn tell_service(&self, told: ServiceAccount) {
        let root = told.root.clone();
        let mut unit = self
            .ports
            .store
            .write_all(bailiwick_testkit::witness::system().all_accounts(), &[root])
            .await
            .unwrap();
        if let ScopeRoot::Account(account) = &told.root {
            unit.select(witness::system().account(*account).read());
        }
        service_account_changed(&mut *unit, &*self.ports.ids, self.now(), told)
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
    pub(crate) async fn person(&self, email: &str) -> UserId {
        let user = UserId::generate(&*self.ports.ids);
        self.tell_person(user, 1, PersonState::Active, email).await;
        user
    }
    pub(crate) async fn tell_person(&self, user: UserId, version: u64, state: PersonState, email: &str) {
        let subject = Subject::user(user);
        let accounts = self
            .ports
            .store
            .read_all(bailiwick_testkit::witness::system().all_accounts())
            .await
            .unwrap()
            .accounts_of(&subject)
            .await
            .unwrap();
        let mut roots: Vec<ScopeRoot> = accounts.iter().copied().map(ScopeRoot::Account).collect();
        roots.push(ScopeRoot::Deployment);
        let mut unit = self
            .ports
            .store
            .write_all(bailiwick_testkit::witness::system().all_accounts(), &roots)
            .await
            .unwrap();
        let told = PersonTold {
            user,
            version,
            state,
            email: email.to_owned(),
            email_verified: true,
            operator: false,
        };
        person_changed(&mut *unit, &accounts, told).await.unwrap();
        unit.commit().await.unwrap();
    }
    pub(crate) fn account_told(&self, id: AccountId, product: &str, version: u64) -> AccountTold {
        AccountTold {
            id,
            version,
            product: product.parse().unwrap(),
            title: "Account".to_owned(),
            state: PlaceState::Active,
            owner: None,
            seats: 0,
            billing_anchor: None,
        }
    }
    pub(crate) async fn tell_account(&self, told: AccountTold) {
        let root = ScopeRoot::Account(told.id);
        let mut unit = self
            .ports
            .store
            .write_all(bailiwick_testkit::witness::system().all_accounts(), &[root])
            .await
            .unwrap();
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
        let mut unit = self
            .ports
            .store
            .write_all(
                bailiwick_testkit::witness::system().all_accounts(),
                &[ScopeRoot::Account(told.account)],
            )
            .await
            .unwrap();
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
            version,
            parent: Scope::Account(account),
            title: "Place".to_owned(),
            edition: None,
            state: PlaceState::Active,
            owner: None,
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
    pub(crate) async fn join(
        &self,
        user: UserId,
        account: AccountId,
    ) -> Result<Member, member::create::Error> {
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
    pub(crate) async fn assign(
        &self,
        by: &By,
        account: AccountId,
        (user, role, scope): (UserId, &str, &Scope),
    ) -> Result<Binding, binding::assign::Error> {
        let assign = Assign {
            subject: Subject::user(user),
            role: role.to_owned(),
            scope: scope.clone(),
            parameters: Map::new(),
            expires_at: None,
        };
        self.run(by, account, assign).await
    }
    pub(crate) async fn revoke(
        &self,
        by: &By,
        account: AccountId,
        (user, role, scope): (UserId, &str, &Scope),
    ) -> Result<(), binding::revoke::Error> {
        let revoke = Revoke {
            subject: Subject::user(user),
            role: role.to_owned(),
            scope: scope.clone(),
        };
        self.run(by, account, revoke).await
    }
    /// The names of a user's roles on a scope.
    pub(crate) async fn roles(&self, account: AccountId, user: UserId, scope: &Scope) -> Vec<String> {
        let read = self
            .ports
            .store
            .read(bailiwick_testkit::witness::system().account(account).read())
            .await
            .unwrap();
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
        let mut unit = self
            .ports
            .store
            .write_all(
                bailiwick_testkit::witness::system().all_accounts(),
                std::slice::from_ref(&root),
            )
            .await
            .unwrap();
        unit.set_root_binding(&root, &Subject::user(user), "operator", true)
            .await
            .unwrap();
        unit.commit().await.unwrap();
        self.operator_as(user)
    }
}
