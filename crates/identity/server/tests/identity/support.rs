//! A deployment with one identity service, whose authorization does what a test says.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use bailiwick_identity_core::peer::{
    CloseError, Closer, Members, PeerError, RoleError, ServiceRole, ServiceRoles,
};
use bailiwick_identity_server::{
    Deps, IdentityConfig, IdentityService, build, migrations,
    operator::{self, SecretSource},
};
use bailiwick_proto::identity::v1::{
    self as pb, api_key_service_client::ApiKeyServiceClient,
    authentication_service_client::AuthenticationServiceClient,
    operator_service_client::OperatorServiceClient,
    service_account_service_client::ServiceAccountServiceClient,
    session_service_client::SessionServiceClient, token_service_client::TokenServiceClient,
    user_service_client::UserServiceClient,
};
use bailiwick_rpc::{
    AuthConfig, Authenticator, Frame, Guard, Held, InternalIdentity, InternalVerifier, Listeners,
    OperatorAllowed, Rights, RightsError, RunningServer, Secret, ServerConfig, ServiceKeys, Telemetry,
};
use bailiwick_sql::{Db, DbConfig};
pub(crate) use bailiwick_testkit::on_both_engines;
use bailiwick_testkit::{Fixture, ManualClock, TestDb};
use bailiwick_types::{
    AccountId, Authority, Email, IdGen, Service, ServiceAccountId, Subject, SystemIds, SystemRng, Token,
    UserId,
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    Code, Request, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

pub(crate) const ISSUER: &str = "https://id.test.example";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A database of one test.
pub(crate) struct Bed {
    pub(crate) url: String,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: TestDb,
}

impl Fixture for Bed {
    async fn on(database: TestDb) -> Self {
        Self {
            url: database.url(),
            clock: Arc::default(),
            database,
        }
    }
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        Self::on(TestDb::sqlite().await).await
    }
    pub(crate) async fn db(&self) -> Db {
        let config = DbConfig::new(self.url.as_str());
        let db = Db::connect(config, Service::Identity, self.clock.clone())
            .await
            .unwrap();
        db.migrate(&migrations()).await.unwrap();
        db
    }
}

/// The answers of authorization.
#[derive(Default)]
pub(crate) struct Authorization {
    pub(crate) operators: Mutex<HashSet<Subject>>,
    /// Those that have every permission in an account.
    pub(crate) admins: Mutex<HashSet<(AccountId, UserId)>>,
    pub(crate) members: Mutex<HashSet<(AccountId, UserId)>>,
    pub(crate) closed: Mutex<HashMap<UserId, u64>>,
    pub(crate) erased: Mutex<Vec<String>>,
    pub(crate) closed_services: Mutex<HashMap<ServiceAccountId, u64>>,
    pub(crate) unavailable: AtomicBool,
}

impl Authorization {
    pub(crate) fn is_unavailable(&self, unavailable: bool) {
        self.unavailable.store(unavailable, Ordering::SeqCst);
    }
    fn answers(&self) -> Result<(), PeerError> {
        if self.unavailable.load(Ordering::SeqCst) {
            return Err(PeerError::Unavailable);
        }
        Ok(())
    }
}

#[async_trait]
impl Rights for Authorization {
    async fn held(
        &self,
        subject: &Subject,
        account: Option<AccountId>,
        _: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        let allowed = operator != OperatorAllowed::No && self.operators.lock().unwrap().contains(subject);
        let own = account
            .zip(subject.user_id())
            .filter(|_| operator != OperatorAllowed::Only);
        let own = own.is_some_and(|own| self.admins.lock().unwrap().contains(&own));
        Ok(Held {
            allowed: vec![allowed || own; targets.len()],
            operator: allowed && !own,
        })
    }
}

#[async_trait]
impl Members for Authorization {
    async fn is_active(&self, account: AccountId, user: UserId, _: &Token) -> Result<bool, PeerError> {
        self.answers()?;
        Ok(self.members.lock().unwrap().contains(&(account, user)))
    }
}

#[async_trait]
impl ServiceRoles for Authorization {
    async fn ensure(&self, _: ServiceRole<'_>, _: &Token) -> Result<(), RoleError> {
        Ok(self.answers()?)
    }
}

#[async_trait]
impl Closer for Authorization {
    async fn close_user(&self, user: UserId, version: u64) -> Result<(), CloseError> {
        self.answers()?;
        self.closed.lock().unwrap().insert(user, version);
        Ok(())
    }
    async fn delete_user(&self, user: UserId, version: u64, address: &Email) -> Result<(), CloseError> {
        self.close_user(user, version).await?;
        self.erased.lock().unwrap().push(address.to_string());
        Ok(())
    }
    async fn close_service_account(&self, id: ServiceAccountId, version: u64) -> Result<(), PeerError> {
        self.answers()?;
        self.closed_services.lock().unwrap().insert(id, version);
        Ok(())
    }
    async fn close_operator(&self, user: UserId, version: u64) -> Result<(), CloseError> {
        self.close_user(user, version).await?;
        self.operators.lock().unwrap().remove(&Subject::user(user));
        Ok(())
    }
}

/// A running deployment with an operator.
pub(crate) struct Suite {
    pub(crate) bed: Bed,
    pub(crate) db: Db,
    pub(crate) service: IdentityService,
    deps: Deps,
    pub(crate) authorization: Arc<Authorization>,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) internal: Arc<InternalIdentity>,
    service_keys: Arc<ServiceKeys>,
    inside: Channel,
    pub(crate) channel: Channel,
    pub(crate) operator: String,
    _server: RunningServer,
    _workers: bailiwick_sql::Workers,
}

impl Suite {
    pub(crate) async fn start(bed: Bed) -> Self {
        Self::start_as(bed, "root@example.com", PASSWORD).await
    }
    /// Where the operator was made before.
    pub(crate) async fn start_as(bed: Bed, email: &str, password: &str) -> Self {
        Self::start_with(bed, ServerConfig::default(), email, password).await
    }
    pub(crate) async fn start_with(bed: Bed, server: ServerConfig, email: &str, password: &str) -> Self {
        let config = IdentityConfig {
            key_encryption_secret: Secret::new("a secret of at least thirty-two characters"),
            ..IdentityConfig::for_tests()
        };
        Self::configured(bed, server, config, email, password).await
    }
    pub(crate) async fn configured(
        bed: Bed,
        server: ServerConfig,
        config: IdentityConfig,
        email: &str,
        password: &str,
    ) -> Self {
        let db = bed.db().await;
        let workers = db.start_workers();
        let clock = bed.clock.clone();
        let authorization = Arc::new(Authorization::default());
        let secret = SecretSource::Given(password.into());
        let made = operator::create(&db, &config, &SystemIds, Arc::new(SystemRng), email, &secret);
        // A test may have made it before.
        if let Ok(operator) = made.await {
            authorization
                .operators
                .lock()
                .unwrap()
                .insert(Subject::user(operator.user));
        }
        let deps = Deps {
            config,
            issuer: ISSUER.to_owned(),
            mail_secrets: vec!["the secret of waiting mails".into()],
            db: db.clone(),
            members: authorization.clone(),
            closer: authorization.clone(),
            roles: authorization.clone(),
            system: Authority::establish().system,
            tasks: TaskTracker::new(),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            rng: Arc::new(SystemRng),
        };
        let service = build(deps.clone()).await.unwrap();
        let service_keys = ServiceKeys::ephemeral().unwrap();
        let internal = Arc::new(InternalIdentity::new(
            Service::Tenancy,
            service_keys.clone(),
            clock.clone(),
        ));
        let auth = AuthConfig {
            issuer: ISSUER.to_owned(),
            ..AuthConfig::default()
        };
        let authenticator = Authenticator::new(
            &auth,
            service.key_source(),
            InternalVerifier::new(&[Service::Identity], service_keys.clone(), clock.clone()),
            clock.clone(),
            Authority::establish().verifier,
        );
        let authenticator = Arc::new(authenticator.with_api_keys(service.api_keys()));
        let guard = Guard::new(authorization.clone(), service.step_up());
        let ids: &dyn IdGen = &SystemIds;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Frame::builder(
            &[Service::Identity],
            server,
            Telemetry::quiet(),
            authenticator.clone(),
            ids,
        )
        .add(service.services(guard, authenticator.clone()))
        .serve_on(
            Listeners {
                grpc: listener,
                internal: Some(inside),
                http: None,
                health: None,
            },
            CancellationToken::new(),
        )
        .unwrap();
        let address = format!("http://{}", server.addr);
        let channel = Endpoint::from_shared(address).unwrap().connect_lazy();
        let inside = format!("http://{}", server.internal_addr.unwrap());
        let inside = Endpoint::from_shared(inside).unwrap().connect_lazy();
        let mut suite = Self {
            bed,
            db,
            service,
            deps,
            authorization,
            authenticator,
            internal,
            service_keys,
            channel,
            inside,
            operator: String::new(),
            _server: server,
            _workers: workers,
        };
        let signed_in = suite.sign_in(email, password, None).await.unwrap();
        suite.operator = access(&signed_in);
        suite
    }
    /// Another process that works in the background until `stop` is cancelled.
    pub(crate) async fn work(&self, stop: &CancellationToken) {
        let service = build(self.deps.clone()).await.unwrap();
        service.start(self.authenticator.clone(), &TaskTracker::new(), stop);
    }
    /// The authenticator of another process that starts now.
    pub(crate) async fn another(&self) -> Arc<Authenticator> {
        let service = build(self.deps.clone()).await.unwrap();
        let auth = AuthConfig {
            issuer: ISSUER.to_owned(),
            ..AuthConfig::default()
        };
        let clock = self.bed.clock.clone();
        let internal = InternalVerifier::new(&[Service::Identity], self.service_keys.clone(), clock);
        let authenticator = Authenticator::new(
            &auth,
            service.key_source(),
            internal,
            self.bed.clock.clone(),
            Authority::establish().verifier,
        );
        let authenticator = Arc::new(authenticator.with_api_keys(service.api_keys()));
        let guard = Guard::new(self.authorization.clone(), service.step_up());
        let _services = service.services(guard, authenticator.clone());
        authenticator
    }
    pub(crate) fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.channel.clone())
    }
    pub(crate) fn authentication(&self) -> AuthenticationServiceClient<Channel> {
        AuthenticationServiceClient::new(self.channel.clone())
    }
    pub(crate) fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }
    pub(crate) fn service_accounts(&self) -> ServiceAccountServiceClient<Channel> {
        ServiceAccountServiceClient::new(self.channel.clone())
    }
    pub(crate) fn api_keys(&self) -> ApiKeyServiceClient<Channel> {
        ApiKeyServiceClient::new(self.channel.clone())
    }
    /// API keys on the internal listener.
    pub(crate) fn api_keys_inside(&self) -> ApiKeyServiceClient<Channel> {
        ApiKeyServiceClient::new(self.inside.clone())
    }
    pub(crate) fn operators(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.channel.clone())
    }
    pub(crate) fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }
    /// The request as the operator.
    pub(crate) fn root<T>(&self, message: T) -> Request<T> {
        bearer(message, &self.operator)
    }
    /// Sessions on the internal listener.
    pub(crate) fn sessions_inside(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.inside.clone())
    }
    /// The request as one of the suite's own services.
    pub(crate) fn inside<T>(&self, message: T) -> Request<T> {
        let header = self.internal.header(Service::Identity).unwrap();
        let mut request = Request::new(message);
        let value = header.to_str().unwrap().parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        request
    }
    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        account: Option<AccountId>,
    ) -> Result<pb::SignInResponse, Status> {
        let message = pb::SignInRequest {
            email: email.to_owned(),
            password: password.to_owned(),
            account: account.map(|a| a.to_string()).unwrap_or_default(),
            ..Default::default()
        };
        Ok(self.authentication().sign_in(message).await?.into_inner())
    }
    /// Makes a user with the usual password.
    pub(crate) async fn user(&self, email: &str) -> UserId {
        let message = pb::CreateUserRequest {
            email: email.to_owned(),
            password: PASSWORD.to_owned(),
            email_verified: true,
            ..Default::default()
        };
        let made = self
            .users()
            .create_user(self.root(message))
            .await
            .unwrap()
            .into_inner();
        made.user.unwrap().user.parse().unwrap()
    }
    pub(crate) async fn get(&self, user: UserId) -> pb::User {
        let message = pb::GetUserRequest {
            user: user.to_string(),
        };
        self.users()
            .get_user(self.root(message))
            .await
            .unwrap()
            .into_inner()
            .user
            .unwrap()
    }
}

pub(crate) fn bearer<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

pub(crate) fn access(signed_in: &pb::SignInResponse) -> String {
    signed_in.tokens.as_ref().unwrap().access_token.clone()
}

pub(crate) fn refresh(signed_in: &pb::SignInResponse) -> String {
    signed_in.tokens.as_ref().unwrap().refresh_token.clone()
}

/// Code and reason of a refusal.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.unwrap_err();
    let reason = status
        .get_error_details()
        .error_info()
        .map(|i| i.reason.clone())
        .unwrap_or_default();
    (status.code(), reason)
}

/// The fields that a refusal names.
pub(crate) fn fields<T: std::fmt::Debug>(result: Result<T, Status>) -> Vec<String> {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_error_details();
    let bad = details.bad_request().expect("violations");
    bad.field_violations.iter().map(|v| v.field.clone()).collect()
}

pub(crate) fn account(n: u128) -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(n))
}
