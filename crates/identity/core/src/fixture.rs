//! What rule tests begin with: a service on a store in memory, an authorization that does what a test says,
//! callers.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bailiwick_testkit::{ManualClock, witness};
use bailiwick_types::{
    AccountId, Authorized, Caller, CallerKind, Clock as _, Email, KeyText, Method, Scope, SeededIds, Service,
    ServiceAccountId, SessionId, Subject, SystemRng, Target, Timestamp, Token, UserId,
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    Identity,
    api_key::{self, ApiKey, KeyPepper, KeyPeppers},
    attempt::{Admission, AdmissionLimits, ClientNetwork, Failures, Throttle},
    mail::{self, Letter, MailSeal, Mailer, Outbox, SendError, deliver},
    memory::Memory,
    operator,
    password::{HashCost, Password, Passwords, Rules, Shares},
    peer::{CloseError, Closer, Members, PeerError, RoleError, ServiceRole, ServiceRoles},
    secret::Digest,
    service_account::{self, ServiceAccount},
    session::{self, Lifetimes},
    signing::{Issuer, KeySeal, KeyTimes, Keys},
    user::{self, Closing, Reader as _, User},
};

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) fn unknown_user() -> UserId {
    UserId::from_uuid(Uuid::from_u128(9))
}
pub(crate) fn unknown_service() -> ServiceAccountId {
    ServiceAccountId::from_uuid(Uuid::from_u128(9))
}
pub(crate) fn account() -> AccountId {
    AccountId::from_uuid(Uuid::from_u128(1))
}

/// Authorization, as a test wants it.
#[derive(Default)]
pub(crate) struct Authorization {
    members: Mutex<HashSet<(AccountId, UserId)>>,
    closed: Mutex<Vec<(UserId, u64)>>,
    deleted: Mutex<Vec<(UserId, u64, String)>>,
    closed_services: Mutex<Vec<(ServiceAccountId, u64)>>,
    failure: Mutex<Option<CloseError>>,
    no_role: Mutex<Option<RoleError>>,
    asked: Mutex<Vec<String>>,
}

impl Authorization {
    pub(crate) fn admit(&self, account: AccountId, user: UserId) {
        self.members.lock().unwrap().insert((account, user));
    }
    pub(crate) fn expel(&self, account: AccountId, user: UserId) {
        self.members.lock().unwrap().remove(&(account, user));
    }
    pub(crate) fn closed(&self) -> Vec<(UserId, u64)> {
        self.closed.lock().unwrap().clone()
    }
    pub(crate) fn deleted(&self) -> Vec<(UserId, u64, String)> {
        self.deleted.lock().unwrap().clone()
    }
    pub(crate) fn closed_services(&self) -> Vec<(ServiceAccountId, u64)> {
        self.closed_services.lock().unwrap().clone()
    }
    /// Fails from now on.
    pub(crate) fn fails(&self, error: CloseError) {
        *self.failure.lock().unwrap() = Some(error);
    }
    /// Refuses roles of service accounts from now on.
    pub(crate) fn refuses_roles(&self, error: Option<RoleError>) {
        *self.no_role.lock().unwrap() = error;
    }
    /// Who asked for which role where.
    pub(crate) fn asked_roles(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
    pub(crate) fn answers(&self) {
        *self.failure.lock().unwrap() = None;
    }
}

#[async_trait]
impl Members for Authorization {
    async fn is_active(&self, account: AccountId, user: UserId, _: &Token) -> Result<bool, PeerError> {
        if let Some(CloseError::Peer(error)) = &*self.failure.lock().unwrap() {
            return Err(error.clone());
        }
        Ok(self.members.lock().unwrap().contains(&(account, user)))
    }
}

#[async_trait]
impl ServiceRoles for Authorization {
    async fn ensure(&self, asked: ServiceRole<'_>, _: &Token) -> Result<(), RoleError> {
        let ServiceRole {
            maker,
            operator_allowed,
            scope,
            role,
        } = asked;
        let role = role.unwrap_or_default();
        let text = format!("{maker} {operator_allowed} {scope} {role}");
        self.asked.lock().unwrap().push(text);
        self.no_role.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl Closer for Authorization {
    async fn close_user(&self, user: UserId, version: u64) -> Result<(), CloseError> {
        if let Some(error) = &*self.failure.lock().unwrap() {
            return Err(error.clone());
        }
        self.closed.lock().unwrap().push((user, version));
        Ok(())
    }
    async fn delete_user(&self, user: UserId, version: u64, address: &Email) -> Result<(), CloseError> {
        self.close_user(user, version).await?;
        let deleted = (user, version, address.to_string());
        self.deleted.lock().unwrap().push(deleted);
        Ok(())
    }
    async fn close_service_account(&self, id: ServiceAccountId, version: u64) -> Result<(), PeerError> {
        if let Some(CloseError::Peer(error)) = &*self.failure.lock().unwrap() {
            return Err(error.clone());
        }
        self.closed_services.lock().unwrap().push((id, version));
        Ok(())
    }
    async fn close_operator(&self, user: UserId, version: u64) -> Result<(), CloseError> {
        self.close_user(user, version).await
    }
}

/// The mails that were sent.
#[derive(Default)]
pub(crate) struct Letters {
    sent: Mutex<Vec<Letter>>,
    erased: Mutex<Vec<String>>,
    failure: Option<SendError>,
}

impl Letters {
    /// Sends nothing.
    pub(crate) fn failing(error: SendError) -> Self {
        Self {
            failure: Some(error),
            ..Self::default()
        }
    }
}

#[async_trait]
impl Mailer for Letters {
    async fn send(&self, letter: &Letter) -> Result<(), SendError> {
        self.sent.lock().unwrap().push(letter.clone());
        self.failure.clone().map_or(Ok(()), Err)
    }
    async fn erase(&self, to: &Email) -> Result<(), SendError> {
        self.erased.lock().unwrap().push(to.to_string());
        Ok(())
    }
}

pub(crate) struct Fixture {
    pub(crate) identity: Identity,
    pub(crate) store: Memory,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) authorization: Arc<Authorization>,
    letters: Arc<Letters>,
    pub(crate) failures: Arc<Failed>,
}

/// Sign-ins that failed.
#[derive(Default)]
pub(crate) struct Failed(pub(crate) std::sync::Mutex<Vec<(Option<UserId>, Option<AccountId>)>>);

impl Failures for Failed {
    fn sign_in(&self, _: &'static str, user: Option<UserId>, account: Option<AccountId>) {
        self.0.lock().unwrap().push((user, account));
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let (store, clock) = (Memory::default(), Arc::new(ManualClock::default()));
        let authorization = Arc::new(Authorization::default());
        let letters = Arc::new(Letters::default());
        let failures = Arc::new(Failed::default());
        let identity = Identity {
            store: Arc::new(store.clone()),
            members: authorization.clone(),
            closer: authorization.clone(),
            roles: authorization.clone(),
            passwords: passwords(HashCost::FOR_TESTS),
            keys: keys(&clock),
            key_peppers: KeyPeppers::new(KeyPepper::derived(&"the secret of the keys".into()), []),
            issuer: Issuer {
                name: "https://id.example".to_owned(),
                audience: Service::Identity.to_string(),
                lifetime: Duration::from_mins(5),
            },
            lifetimes: Lifetimes::default(),
            admission: Admission::new(AdmissionLimits::default(), 4, clock.clone()),
            throttle: Throttle::default(),
            failures: failures.clone(),
            outbox: Outbox::new(
                MailSeal::new(&["the secret of the mails".into()]).unwrap(),
                mail::Limits::default(),
            ),
            mailer: letters.clone(),
            operators: operator::Policy::default(),
            clock: clock.clone(),
            ids: Arc::new(SeededIds::new(100)),
            rng: Arc::new(SystemRng),
        };
        identity.keys.maintain(&store).await.unwrap();
        store.take_changes();
        Self {
            identity,
            store,
            clock,
            authorization,
            letters,
            failures,
        }
    }
    /// The addresses whose mails were erased by a use case.
    pub(crate) fn erased_mails(&self) -> Vec<String> {
        self.letters.erased.lock().unwrap().clone()
    }
    /// The instant some time from now.
    pub(crate) fn clock_in(&self, time: Duration) -> Timestamp {
        self.clock.now().plus(time)
    }
    /// Hashes at another cost from now on.
    pub(crate) fn cost(&mut self, cost: HashCost) {
        self.identity.passwords = passwords(cost);
    }
    /// Encrypts keys and secrets from now on.
    pub(crate) fn encrypt_keys(&mut self, secret: &str) {
        let seal = KeySeal::new(Some(&secret.into())).unwrap();
        let rng = Arc::new(SystemRng);
        self.identity.keys = Keys::new(seal, KeyTimes::default(), self.clock.clone(), rng);
    }
    /// The keys of another process.
    pub(crate) fn other_keys(&self) -> Keys {
        keys(&self.clock)
    }

    /// Creates a user with the usual password.
    pub(crate) async fn user(&self, email: &str) -> User {
        let password = Password::parse(PASSWORD.into()).unwrap();
        self.create(email, Some(password), true).await
    }
    pub(crate) async fn user_without_password(&self, email: &str) -> User {
        self.create(email, None, true).await
    }
    pub(crate) async fn unverified_user(&self, email: &str) -> User {
        let password = Password::parse(PASSWORD.into()).unwrap();
        self.create(email, Some(password), false).await
    }
    async fn create(&self, email: &str, password: Option<Password>, email_verified: bool) -> User {
        let command = user::create::Command {
            email: email.parse().unwrap(),
            display_name: Default::default(),
            password,
            email_verified,
            request_id: None,
        };
        user::create(&self.identity, &self.operator(), &command)
            .await
            .unwrap()
            .0
    }
    /// Creates a user and makes it an operator.
    pub(crate) async fn operating_user(&self, email: &str) -> User {
        let user = self.user(email).await;
        let subject = Subject::user(user.id);
        operator::grant(&self.identity, &self.operator(), &subject)
            .await
            .unwrap();
        self.store.user(user.id).await.unwrap().unwrap()
    }
    /// Creates a service account; the answer has its secret.
    pub(crate) async fn service_account(&self, title: &str) -> (ServiceAccount, SecretString) {
        self.make_service_account(title, "deployment").await
    }
    pub(crate) async fn service_account_on(&self, scope: &str) -> (ServiceAccount, SecretString) {
        self.make_service_account("Backend", scope).await
    }
    async fn make_service_account(&self, title: &str, scope: &str) -> (ServiceAccount, SecretString) {
        let command = service_account::create::Command {
            title: title.parse().unwrap(),
            scope: scope.parse().unwrap(),
            role: None,
            request_id: None,
            token: Token::default(),
        };
        let made = service_account::create(&self.identity, &self.operator(), &command)
            .await
            .unwrap();
        (made.account, made.secret.unwrap())
    }
    /// Makes an API key of a user for all of the account, which it joins; the answer has its text.
    pub(crate) async fn api_key(&self, user: &User) -> (ApiKey, SecretString) {
        self.authorization.admit(account(), user.id);
        let command = api_key::create::Command {
            title: "Reports".parse().unwrap(),
            serves: api_key::create::Serves::For {
                place: Scope::Account(account()),
                permissions: vec!["survey.view".parse().unwrap()],
                networks: Vec::new(),
            },
            expires: self.clock.now().plus(Duration::from_hours(30 * 24)),
            request_id: None,
            token: Token::default(),
        };
        let session = SessionId::from_uuid(Uuid::from_u128(3));
        let caller = witness::user(Subject::user(user.id), Some(account()), session);
        let by = witness::authorized(&caller, &Target::account(account()), false);
        let made = api_key::create(&self.identity, &by, &command).await.unwrap();
        (made.key, made.secret.unwrap())
    }
    /// The key of a text, where it serves. What is noted of its use is not told.
    pub(crate) async fn verify_key(&self, text: &SecretString) -> Option<ApiKey> {
        let id = KeyText::parse(text.expose_secret()).unwrap().id();
        let digest = Digest::of(text);
        let command = api_key::verify::Command { id, digest };
        let told = api_key::verify_here(&self.identity, &witness::system(), &command).await;
        told.unwrap()
    }
    pub(crate) async fn sign_in(
        &self,
        user: &User,
        account: Option<AccountId>,
    ) -> session::sign_in::SignedIn {
        let command = session::sign_in::Command {
            email: user.email.clone(),
            password: PASSWORD.into(),
            account,
            device: None,
            agent: session::UserAgent::new("the tests"),
            token: Token::default(),
        };
        self.try_sign_in(&command, ClientNetwork::Unknown).await.unwrap()
    }
    pub(crate) async fn try_sign_in(
        &self,
        command: &session::sign_in::Command,
        network: ClientNetwork,
    ) -> Result<session::sign_in::SignedIn, session::sign_in::Error> {
        match self.sign_in_anyway(command, network).await? {
            session::sign_in::Outcome::SignedIn(done) => Ok(*done),
            session::sign_in::Outcome::Challenged(_) => panic!("the user has a second factor"),
        }
    }
    pub(crate) async fn sign_in_anyway(
        &self,
        command: &session::sign_in::Command,
        network: ClientNetwork,
    ) -> Result<session::sign_in::Outcome, session::sign_in::Error> {
        let entered = session::sign_in::enter(&self.identity, command, network).await?;
        session::sign_in(&self.identity, &self.anonymous(), command, entered).await
    }
    /// Whether a password serves.
    pub(crate) async fn signs_in(&self, email: &str, password: &str) -> bool {
        let command = session::sign_in::Command {
            email: email.parse().unwrap(),
            password: password.into(),
            account: None,
            device: None,
            agent: session::UserAgent::new("the tests"),
            token: Token::default(),
        };
        self.try_sign_in(&command, ClientNetwork::Unknown).await.is_ok()
    }
    /// Sends the mails that are due.
    pub(crate) async fn deliver(&self) -> Vec<Letter> {
        let (system, letters) = (witness::system(), Letters::default());
        for mail in deliver::claim(&self.identity, &system, 1_000).await.unwrap() {
            deliver::deliver(&self.identity, &system, &letters, &mail)
                .await
                .unwrap();
        }
        letters.sent.into_inner().unwrap()
    }
    pub(crate) async fn session(&self, user: &User) -> SessionId {
        self.sign_in(user, None).await.session
    }
    /// The intent that an interrupted disabling leaves.
    pub(crate) fn closing(&self, user: &User) -> Closing {
        Closing {
            user: user.id,
            access: user::Access::All,
            version: user.version + 1,
            actor: String::new(),
            created: self.clock.now(),
        }
    }

    pub(crate) fn as_operator<M: Method>(&self, user: UserId) -> Authorized<M> {
        let session = SessionId::from_uuid(Uuid::from_u128(1));
        let caller = witness::user(Subject::user(user), None, session);
        witness::authorized(&caller, &Target::none(), true)
    }
    pub(crate) fn operator<M: Method>(&self) -> Authorized<M> {
        self.as_operator(UserId::from_uuid(Uuid::from_u128(1)))
    }
    pub(crate) fn another_operator<M: Method>(&self) -> Authorized<M> {
        self.as_operator(UserId::from_uuid(Uuid::from_u128(2)))
    }
    pub(crate) fn as_user<M: Method>(&self, user: &User, session: SessionId) -> Authorized<M> {
        let subject = Subject::user(user.id);
        let caller = witness::user(subject.clone(), None, session);
        // What it asks is about itself.
        witness::authorized(&caller, &Target::none().owned_by(subject), false)
    }
    pub(crate) fn as_service<M: Method>(&self) -> Authorized<M> {
        let caller = witness::caller(CallerKind::Service, Subject::service(unknown_service()), None);
        witness::authorized(&caller, &Target::none(), false)
    }
    /// A service account with a role of the deployment.
    pub(crate) fn operating_service<M: Method>(&self) -> Authorized<M> {
        let caller = witness::caller(CallerKind::Service, Subject::service(unknown_service()), None);
        witness::authorized(&caller, &Target::none(), true)
    }
    /// An admin of an account.
    pub(crate) fn of_account<M: Method>(&self, account: AccountId) -> Authorized<M> {
        let session = SessionId::from_uuid(Uuid::from_u128(3));
        let caller = witness::user(Subject::user(unknown_user()), Some(account), session);
        witness::authorized(&caller, &Target::account(account), false)
    }
    pub(crate) fn internal<M: Method>(&self) -> Authorized<M> {
        witness::authorized(&witness::peer_of::<M>(), &Target::none(), false)
    }
    pub(crate) fn anonymous<M: Method>(&self) -> Authorized<M> {
        witness::authorized(&Arc::new(Caller::anonymous()), &Target::none(), false)
    }
}

fn passwords(cost: HashCost) -> Passwords {
    let rng = Arc::new(SystemRng);
    Passwords::new(cost, Shares::default(), Rules::default(), rng).unwrap()
}

fn keys(clock: &Arc<ManualClock>) -> Keys {
    let seal = KeySeal::new(None).unwrap();
    Keys::new(seal, KeyTimes::default(), clock.clone(), Arc::new(SystemRng))
}
