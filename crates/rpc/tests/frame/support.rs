//! A server whose handlers do what a test tells them, and callers with every kind of credentials.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair},
};
use bailiwick_proto::{
    events::v1::{
        FollowRequest, FollowResponse, GetSnapshotRequest, GetSnapshotResponse,
        change_feed_service_server::{ChangeFeedService, ChangeFeedServiceServer},
    },
    identity::v1::{
        GetJwksRequest, GetJwksResponse, IntrospectRequest, IntrospectResponse, IssueTokenRequest,
        IssueTokenResponse, RevokeTokenRequest, RevokeTokenResponse,
        token_service_client::TokenServiceClient,
        token_service_server::{TokenService, TokenServiceServer},
    },
};
use bailiwick_rpc::{
    AccessClaims, ApiKeys, AuthConfig, Authenticator, Certificates, Context, Frame, InternalConfig,
    InternalIdentity, InternalVerifier, KeyError, KeySource, RunningServer, ServerConfig, ServiceKeyFiles,
    ServiceKeyPair, ServiceKeys, Services, Telemetry, VerificationKey, VerificationKeys,
};
use bailiwick_testkit::ManualClock;
use bailiwick_types::{AccountId, Authority, Clock, Service, SessionId, SystemIds, UserId};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures_util::{Stream, future::BoxFuture};
use jsonwebtoken::{Algorithm, EncodingKey, jwk::Jwk};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, metadata::MetadataValue, transport::Channel};

pub(crate) const ISSUER: &str = "https://identity.test";

/// What a handler does; it gets its call.
pub(crate) type Script = Arc<dyn Fn(Context) -> BoxFuture<'static, Result<(), Status>> + Send + Sync>;

/// A script that does nothing.
pub(crate) fn ok() -> Script {
    script(|_| async { Ok(()) })
}

pub(crate) fn script<F: Future<Output = Result<(), Status>> + Send + 'static>(
    work: impl Fn(Context) -> F + Send + Sync + 'static,
) -> Script {
    Arc::new(move |context| Box::pin(work(context)))
}

#[derive(Clone)]
struct Scripted(Script);

#[tonic::async_trait]
impl TokenService for Scripted {
    async fn issue_token(
        &self,
        request: Request<IssueTokenRequest>,
    ) -> Result<Response<IssueTokenResponse>, Status> {
        (self.0)(Context::of(&request)?.clone()).await?;
        Ok(Response::new(IssueTokenResponse::default()))
    }
    async fn get_jwks(&self, request: Request<GetJwksRequest>) -> Result<Response<GetJwksResponse>, Status> {
        (self.0)(Context::of(&request)?.clone()).await?;
        Ok(Response::new(GetJwksResponse::default()))
    }
    async fn introspect(
        &self,
        request: Request<IntrospectRequest>,
    ) -> Result<Response<IntrospectResponse>, Status> {
        (self.0)(Context::of(&request)?.clone()).await?;
        Ok(Response::new(IntrospectResponse::default()))
    }
    async fn revoke_token(
        &self,
        request: Request<RevokeTokenRequest>,
    ) -> Result<Response<RevokeTokenResponse>, Status> {
        Err(bailiwick_rpc::later(&request))
    }
}

pub(crate) type Following = Pin<Box<dyn Stream<Item = Result<FollowResponse, Status>> + Send>>;
/// Makes the stream that a follower gets.
pub(crate) type Feed = Arc<dyn Fn() -> Following + Send + Sync>;

struct Feeding(Feed);

#[tonic::async_trait]
impl ChangeFeedService for Feeding {
    type FollowStream = Following;
    async fn follow(&self, _: Request<FollowRequest>) -> Result<Response<Following>, Status> {
        Ok(Response::new((self.0)()))
    }
    type GetSnapshotStream = Pin<Box<dyn Stream<Item = Result<GetSnapshotResponse, Status>> + Send>>;
    async fn get_snapshot(
        &self,
        request: Request<GetSnapshotRequest>,
    ) -> Result<Response<Self::GetSnapshotStream>, Status> {
        Err(bailiwick_rpc::later(&request))
    }
}

/// Keys that tests switch off, delay or break.
pub(crate) struct Keys {
    pub(crate) keys: Mutex<VerificationKeys>,
    pub(crate) asked: AtomicUsize,
    pub(crate) mood: Mutex<Mood>,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Mood {
    Answers,
    Away,
    Hangs,
    Panics,
}

#[async_trait]
impl KeySource for Keys {
    async fn key(&self, id: &str) -> Result<Option<Arc<VerificationKey>>, KeyError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Answers => Ok(self.keys.lock().unwrap().get(id)),
            Mood::Away => Err(KeyError::Unavailable),
            Mood::Hangs => std::future::pending().await,
            Mood::Panics => panic!("keys broke: secret-of-the-keys"),
        }
    }
    async fn has_keys(&self) -> Result<bool, KeyError> {
        Ok(true)
    }
}

/// A pair of keys that identity could have.
pub(crate) struct Signer {
    pub(crate) id: &'static str,
    key: EncodingKey,
    pub(crate) algorithm: Algorithm,
}

impl Signer {
    pub(crate) fn es256(id: &'static str) -> Self {
        let pair =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        Self {
            id,
            key: EncodingKey::from_ec_der(pair.as_ref()),
            algorithm: Algorithm::ES256,
        }
    }
    pub(crate) fn ed25519(id: &'static str) -> Self {
        let pair = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        Self {
            id,
            key: EncodingKey::from_ed_der(pair.as_ref()),
            algorithm: Algorithm::EdDSA,
        }
    }
    pub(crate) fn jwk(&self) -> serde_json::Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }
    pub(crate) fn sign(&self, claims: &AccessClaims) -> String {
        let header = json!({ "typ": AccessClaims::TYPE, "alg": self.algorithm, "kid": self.id });
        self.sign_parts(&header.to_string(), &serde_json::to_string(claims).unwrap())
    }
    /// A token with any header and any claims.
    pub(crate) fn sign_parts(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", part(header), part(claims));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

/// A part of a token.
pub(crate) fn part(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

pub(crate) fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<_> = signers.iter().map(|s| s.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// A server under test with all around it.
pub(crate) struct World {
    pub(crate) server: RunningServer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) signer: Signer,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) service_keys: Arc<PeerKeys>,
    /// Tenancy, which calls this server.
    pub(crate) internal: Arc<InternalIdentity>,
    pub(crate) channel: Channel,
    /// To the internal listener.
    pub(crate) inside: Channel,
}

/// The keys of the three services, in files.
pub(crate) struct PeerKeys {
    pub(crate) folder: tempfile::TempDir,
    pairs: Vec<(Service, ServiceKeyPair)>,
    pub(crate) keys: Arc<ServiceKeys>,
}

impl PeerKeys {
    pub(crate) fn new() -> Arc<Self> {
        let folder = tempfile::tempdir().unwrap();
        let make = |service| (service, ServiceKeyPair::generate().unwrap());
        let pairs: Vec<_> = Service::ALL.into_iter().map(make).collect();
        let files = |at: usize| {
            let (service, pair) = &pairs[at];
            let (key, public) = (format!("{service}.key"), format!("{service}.pub"));
            let (key, public) = (folder.path().join(key), folder.path().join(public));
            std::fs::write(&key, pair.private_pem().expose()).unwrap();
            std::fs::write(&public, pair.public_pem()).unwrap();
            ServiceKeyFiles {
                key_file: Some(key),
                public_keys_file: Some(public),
            }
        };
        let config = InternalConfig {
            identity: files(0),
            tenancy: files(1),
            authorization: files(2),
        };
        let keys = ServiceKeys::new(&config, &Service::ALL).unwrap();
        Arc::new(Self { folder, pairs, keys })
    }
    pub(crate) fn pair(&self, service: Service) -> &ServiceKeyPair {
        &self.pairs.iter().find(|(of, _)| *of == service).unwrap().1
    }
}

/// The private key of a service, to sign anything with.
pub(crate) fn signing_key(pair: &ServiceKeyPair) -> EncodingKey {
    let lines = pair.private_pem().expose().lines();
    let text: String = lines.filter(|line| !line.starts_with('-')).collect();
    EncodingKey::from_ed_der(&STANDARD.decode(text).unwrap())
}

async fn panics() -> &'static str {
    panic!("row 7 of table `users` is odd")
}

/// What differs from one server under test to another.
pub(crate) struct Setup {
    pub(crate) config: ServerConfig,
    pub(crate) script: Script,
    pub(crate) feed: Feed,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) service_keys: Arc<PeerKeys>,
    pub(crate) api_keys: Option<Arc<dyn ApiKeys>>,
}

impl Default for Setup {
    fn default() -> Self {
        let quick = |millis| Duration::from_millis(millis).into();
        Self {
            config: ServerConfig {
                listen: "127.0.0.1:0".parse().unwrap(),
                internal_listen: Some("127.0.0.1:0".parse().unwrap()),
                http_listen: Some("127.0.0.1:0".parse().unwrap()),
                drain_wait: quick(0),
                drain_grace: quick(5_000),
                ..ServerConfig::default()
            },
            script: ok(),
            feed: Arc::new(|| Box::pin(futures_util::stream::empty())),
            certificates: None,
            service_keys: PeerKeys::new(),
            api_keys: None,
        }
    }
}

impl Setup {
    pub(crate) fn script(script: Script) -> Self {
        Self {
            script,
            ..Self::default()
        }
    }

    pub(crate) async fn start(self) -> World {
        let clock = Arc::new(ManualClock::default());
        let signer = Signer::es256("k1");
        let keys = Arc::new(Keys {
            keys: Mutex::new(VerificationKeys::from_jwks(&jwks(&[&signer])).unwrap()),
            asked: AtomicUsize::new(0),
            mood: Mutex::new(Mood::Answers),
        });
        let service_keys = self.service_keys;
        let internal = internal(Service::Tenancy, &service_keys, clock.clone());
        let verifier = InternalVerifier::new(&[Service::Identity], service_keys.keys.clone(), clock.clone());
        let config = AuthConfig {
            issuer: ISSUER.to_owned(),
            ..AuthConfig::default()
        };
        let authenticator = Authenticator::new(
            &config,
            keys.clone(),
            verifier,
            clock.clone(),
            Authority::establish().verifier,
        );
        let authenticator = Arc::new(match self.api_keys {
            Some(api_keys) => authenticator.with_api_keys(api_keys),
            None => authenticator,
        });
        let server = Frame::builder(
            &[Service::Identity],
            self.config,
            Telemetry::quiet(),
            authenticator.clone(),
            &SystemIds,
        )
        .add(Services::new().add(TokenServiceServer::new(Scripted(self.script))))
        .add(Services::new().add(ChangeFeedServiceServer::new(Feeding(self.feed))))
        .http(
            axum::Router::new()
                .route("/own", axum::routing::get(|| async { "own\n" }))
                .route("/panics", axum::routing::get(panics)),
        )
        .certificates(self.certificates)
        .serve(CancellationToken::new())
        .await
        .unwrap();
        let channel = channel(&server);
        let inside = Channel::from_shared(format!("http://{}", server.internal_addr.unwrap())).unwrap();
        World {
            server,
            clock,
            keys,
            signer,
            authenticator,
            service_keys,
            internal,
            channel,
            inside: inside.connect_lazy(),
        }
    }
}

/// A channel of its own.
pub(crate) fn channel(server: &RunningServer) -> Channel {
    Channel::from_shared(format!("http://{}", server.addr))
        .unwrap()
        .connect_lazy()
}

pub(crate) fn internal(service: Service, keys: &PeerKeys, clock: Arc<dyn Clock>) -> Arc<InternalIdentity> {
    Arc::new(InternalIdentity::new(service, keys.keys.clone(), clock))
}

/// The token that a service has for another.
pub(crate) fn token_for(identity: &InternalIdentity, target: Service) -> String {
    let header = identity.header(target).unwrap();
    let token = header.to_str().unwrap().strip_prefix("Bearer ").unwrap();
    token.to_owned()
}

pub(crate) fn user(n: u128) -> UserId {
    UserId::from_uuid(uuid::Uuid::from_u128(n))
}
pub(crate) fn account(n: u128) -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(n))
}
pub(crate) fn session(n: u128) -> SessionId {
    SessionId::from_uuid(uuid::Uuid::from_u128(n))
}

impl World {
    pub(crate) fn client(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }
    /// Good claims of a user.
    pub(crate) fn claims(&self) -> AccessClaims {
        let now = self.clock.now().seconds();
        AccessClaims {
            iss: ISSUER.to_owned(),
            aud: AccessClaims::AUDIENCE.to_owned(),
            sub: format!("user:{}", user(1)),
            sid: Some(session(1).to_string()),
            client_id: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            acct: Some(account(1).to_string()),
            iat: now,
            exp: now + 600,
            nbf: None,
            jti: "t1".to_owned(),
        }
    }
    /// The token of a user.
    pub(crate) fn token(&self) -> String {
        self.signer.sign(&self.claims())
    }
    /// A call of a method for anybody.
    pub(crate) async fn anybody(&self) -> Result<(), Status> {
        self.client()
            .issue_token(IssueTokenRequest::default())
            .await
            .map(drop)
    }
    /// The same with a token.
    pub(crate) async fn anybody_with(&self, token: &str) -> Result<(), Status> {
        let mut request = Request::new(IssueTokenRequest::default());
        request.metadata_mut().insert("authorization", bearer(token));
        self.client().issue_token(request).await.map(drop)
    }
    /// A call on the internal listener of a method that tenancy and authorization may call.
    pub(crate) async fn keys_inside(&self, token: Option<&str>) -> Result<(), Status> {
        let mut request = Request::new(GetJwksRequest {});
        if let Some(token) = token {
            request.metadata_mut().insert("authorization", bearer(token));
        }
        let mut client = TokenServiceClient::new(self.inside.clone());
        client.get_jwks(request).await.map(drop)
    }
    /// The token of tenancy for this server.
    pub(crate) fn peer_token(&self) -> String {
        token_for(&self.internal, Service::Identity)
    }
    /// A call of a method for signed-in callers.
    pub(crate) async fn introspect(&self, token: Option<&str>) -> Result<(), Status> {
        let mut request = Request::new(IntrospectRequest::default());
        if let Some(token) = token {
            request.metadata_mut().insert("authorization", bearer(token));
        }
        self.client().introspect(request).await.map(drop)
    }
}

/// A call with headers and bytes of its own: generated clients keep a deadline by themselves, and send only
/// messages.
pub(crate) async fn raw(
    world: &World,
    path: &str,
    headers: &[(&'static str, &str)],
    body: &'static [u8],
) -> Status {
    use http_body_util::{BodyExt, Full};
    let stream = tokio::net::TcpStream::connect(world.server.addr).await.unwrap();
    // Head and body come in two packets; neither is to wait for the other's acknowledgement.
    stream.set_nodelay(true).unwrap();
    let (mut send, connection) = hyper::client::conn::http2::handshake(
        hyper_util::rt::TokioExecutor::new(),
        hyper_util::rt::TokioIo::new(stream),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    let mut request = http::Request::post(format!("http://{}{path}", world.server.addr))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(bytes::Bytes::from_static(body))).unwrap();
    let response = send.send_request(request).await.unwrap();
    let headers = response.headers().clone();
    let trailers = response.into_body().collect().await.unwrap();
    let trailers = trailers.trailers().cloned().unwrap_or_default();
    Status::from_header_map(&headers)
        .or_else(|| Status::from_header_map(&trailers))
        .unwrap()
}

/// A message without fields.
pub(crate) const EMPTY: &[u8] = b"\0\0\0\0\0";
pub(crate) const ISSUE: &str = "/bailiwick.identity.v1.TokenService/IssueToken";
pub(crate) const INTROSPECT: &str = "/bailiwick.identity.v1.TokenService/Introspect";

pub(crate) fn bearer(token: &str) -> MetadataValue<tonic::metadata::Ascii> {
    format!("Bearer {token}").parse().unwrap()
}

/// The reason that a status gives.
pub(crate) fn reason(status: &Status) -> String {
    use tonic_types::StatusExt;
    let details = status.get_error_details();
    let info = details
        .error_info()
        .unwrap_or_else(|| panic!("no reason in {status:?}"));
    assert_eq!(info.domain, "bailiwick");
    info.reason.clone()
}

/// Code and reason of a call that must fail.
pub(crate) fn refused(result: Result<(), Status>) -> (tonic::Code, String) {
    let status = result.expect_err("the call must be refused");
    (status.code(), reason(&status))
}
