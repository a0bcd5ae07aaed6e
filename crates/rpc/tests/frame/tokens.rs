//! Tokens that must be refused: a table of what can be wrong with a header, with claims and with the form.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use bailiwick_proto::{
    events::v1::{FollowRequest, change_feed_service_client::ChangeFeedServiceClient},
    identity::v1::{IntrospectRequest, token_service_client::TokenServiceClient},
};
use bailiwick_types::{AccessClaims, Clock, Service, ServiceAccountId, Subject};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};
use tonic::{Code, Request};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Setup, Signer, World, bearer, internal, part, refused, signing_key, token_for};

/// Log lines, as an operator would read them at the most verbose level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

type Cases = Vec<(&'static str, String)>;

/// Makes tokens that differ from a good one in one thing.
struct Forge<'a> {
    world: &'a World,
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl<'a> Forge<'a> {
    fn new(world: &'a World) -> Self {
        let object = |value: Value| value.as_object().unwrap().clone();
        Self {
            world,
            header: object(
                json!({ "typ": AccessClaims::TYPE, "alg": world.signer.algorithm, "kid": world.signer.id }),
            ),
            claims: object(serde_json::to_value(world.claims()).unwrap()),
        }
    }
    fn now(&self) -> i64 {
        self.world.clock.now().seconds()
    }
    fn signed(&self, header: &str, claims: &str) -> String {
        self.world.signer.sign_parts(header, claims)
    }
    fn header_text(&self) -> String {
        Value::Object(self.header.clone()).to_string()
    }
    fn claims_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }
    /// The header with another value, or without one; the signature is good.
    fn header(&self, name: &str, value: impl Into<Option<Value>>) -> String {
        let header = Value::Object(set(&self.header, name, value.into()));
        self.signed(&header.to_string(), &self.claims_text())
    }
    /// The claims with another value, or without one; the signature is good.
    fn claim(&self, name: &str, value: impl Into<Option<Value>>) -> String {
        let claims = Value::Object(set(&self.claims, name, value.into()));
        self.signed(&self.header_text(), &claims.to_string())
    }
    /// An HMAC over a token with this key id.
    fn hmac(&self, key_id: &str, kind: &str, claims: &Value, secret: &[u8]) -> String {
        let header = json!({ "typ": kind, "alg": "HS256", "kid": key_id });
        let message = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
        let key = EncodingKey::from_secret(secret);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    }
    fn hmac_access(&self, key_id: &str, secret: &[u8]) -> String {
        let claims = Value::Object(self.claims.clone());
        self.hmac(key_id, AccessClaims::TYPE, &claims, secret)
    }

    fn algorithms_and_keys(&self) -> Cases {
        let other = Signer::ed25519("k1");
        let public = self.world.signer.jwk();
        let point = |name: &str| public[name].as_str().unwrap().to_owned();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            point("x")
        );
        let unsigned = |alg: &str| {
            let header = Value::Object(set(&self.header, "alg", Some(json!(alg)))).to_string();
            format!("{}.{}.", part(header), part(self.claims_text()))
        };
        let stranger = Signer::es256("k1");
        let unknown = Signer::es256("k9");
        vec![
            ("alg none", unsigned("none")),
            ("alg None", unsigned("None")),
            ("alg nOnE with signature", self.header("alg", json!("nOnE"))),
            ("alg empty", self.header("alg", json!(""))),
            ("alg absent", self.header("alg", None)),
            (
                "HS256 with public key bytes",
                self.hmac_access("k1", point("x").as_bytes()),
            ),
            ("HS256 with its PEM", self.hmac_access("k1", pem.as_bytes())),
            ("HS256 with the empty secret", self.hmac_access("internal", b"")),
            (
                "HS256 with a guessed secret",
                self.hmac_access("internal", b"secret"),
            ),
            ("EdDSA with kid internal", {
                let header = json!({ "typ": AccessClaims::TYPE, "alg": "EdDSA", "kid": "internal" });
                other.sign_parts(&header.to_string(), &self.claims_text())
            }),
            ("EdDSA on a key of ES256", other.sign(&self.world.claims())),
            ("RS256", self.header("alg", json!("RS256"))),
            (
                "wrong key under the right kid",
                stranger.sign(&self.world.claims()),
            ),
            ("kid unknown", unknown.sign(&self.world.claims())),
            ("kid absent", self.header("kid", None)),
            ("kid empty", self.header("kid", json!(""))),
            ("kid a path", self.header("kid", json!("../../dev/null"))),
            ("kid SQL", self.header("kid", json!("' OR '1'='1"))),
            ("kid of 30 kB", self.header("kid", json!("k".repeat(30_000)))),
            ("kid a number", self.header("kid", json!(1))),
            ("jwk", self.header("jwk", public)),
            ("jku", self.header("jku", json!("https://keys.test/jwks"))),
            ("x5c", self.header("x5c", json!(["MIIB"]))),
            ("x5u", self.header("x5u", json!("https://keys.test/x5u"))),
        ]
    }

    fn headers(&self) -> Cases {
        let twice = self.header_text().replacen('{', r#"{"alg":"none","#, 1);
        let values = json!([AccessClaims::TYPE, "ES256", "k1"]);
        vec![
            ("crit unknown", self.header("crit", json!(["exp2"]))),
            ("crit b64", self.header("crit", json!(["b64"]))),
            ("b64", self.header("b64", json!(false))),
            ("typ JWT", self.header("typ", json!("JWT"))),
            ("typ absent", self.header("typ", None)),
            ("typ id+jwt", self.header("typ", json!("id+jwt"))),
            ("typ of services", self.header("typ", json!("svc+jwt"))),
            ("cty JWT", self.header("cty", json!("JWT"))),
            ("zip DEF", self.header("zip", json!("DEF"))),
            ("alg twice", self.signed(&twice, &self.claims_text())),
            ("header no JSON", self.signed("alg=ES256", &self.claims_text())),
            (
                "header an array",
                self.signed(&values.to_string(), &self.claims_text()),
            ),
        ]
    }

    fn claims(&self) -> Cases {
        let now = self.now();
        let audience = AccessClaims::AUDIENCE;
        let issuer = self.claims["iss"].as_str().unwrap().to_owned();
        let user = self.claims["sub"].as_str().unwrap().to_owned();
        let twice = self.claims_text().replacen('{', r#"{"sub":"user:another","#, 1);
        let c = &self.claims;
        let values = json!([
            c["iss"], c["aud"], c["sub"], c["sid"], c["acct"], c["iat"], c["exp"], null, "t1"
        ]);
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let deep = self.claims_text().replacen('{', &format!(r#"{{"x":{deep},"#), 1);
        vec![
            ("aud other", self.claim("aud", json!("iservice"))),
            ("aud absent", self.claim("aud", None)),
            ("aud array", self.claim("aud", json!([audience]))),
            (
                "aud with another",
                self.claim("aud", json!([audience, "iservice"])),
            ),
            ("aud internal", self.claim("aud", json!("bailiwick-internal"))),
            (
                "aud with a blank",
                self.claim("aud", json!(format!("{audience} "))),
            ),
            ("iss other", self.claim("iss", json!("https://elsewhere"))),
            ("iss absent", self.claim("iss", None)),
            ("iss with a slash", self.claim("iss", json!(issuer + "/"))),
            ("exp past", self.claim("exp", json!(now - 1))),
            ("exp now", self.claim("exp", json!(now))),
            ("exp absent", self.claim("exp", None)),
            ("exp text", self.claim("exp", json!((now + 600).to_string()))),
            ("exp a fraction", self.claim("exp", json!(0.5 + 2e9))),
            ("exp too far", self.claim("exp", json!(now + 86_400))),
            ("exp 2^62", self.claim("exp", json!(1_i64 << 62))),
            ("exp the greatest", self.claim("exp", json!(i64::MAX))),
            ("exp negative", self.claim("exp", json!(-1))),
            ("iat in the future", self.claim("iat", json!(now + 120))),
            ("iat the least", self.claim("iat", json!(i64::MIN))),
            ("iat absent", self.claim("iat", None)),
            ("nbf in the future", self.claim("nbf", json!(now + 120))),
            ("nbf text", self.claim("nbf", json!("now"))),
            ("jti absent", self.claim("jti", None)),
            ("sub absent", self.claim("sub", None)),
            (
                "sub a bare id",
                self.claim("sub", json!(user.trim_start_matches("user:"))),
            ),
            ("sub no id", self.claim("sub", json!("user:me"))),
            ("sub a group", self.claim("sub", json!("group:group_1"))),
            ("sub anonymous", self.claim("sub", json!("anonymous:1"))),
            ("sub of a user without sid", self.claim("sid", None)),
            ("sid malformed", self.claim("sid", json!("session_1"))),
            (
                "sub service:identity",
                self.claim("sub", json!("service:identity")),
            ),
            ("sub with NUL", self.claim("sub", json!(format!("{user}\0")))),
            ("sub in upper case", self.claim("sub", json!(user.to_uppercase()))),
            ("acct malformed", self.claim("acct", json!("acme"))),
            ("a claim twice", self.signed(&self.header_text(), &twice)),
            ("claims no JSON", self.signed(&self.header_text(), "sub=user:1")),
            (
                "claims an array",
                self.signed(&self.header_text(), &values.to_string()),
            ),
            ("claims 20,000 deep", self.signed(&self.header_text(), &deep)),
            ("claims of 40 kB", self.claim("x", json!("x".repeat(40_000)))),
        ]
    }

    fn forms(&self) -> Cases {
        let good = self.world.token();
        let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts");
        };
        let other = part(self.claims_text().replace("\"t1\"", "\"t2\""));
        let standard = "+/".repeat(signature.len() / 2);
        let with = |signature: &str| format!("{header}.{claims}.{signature}");
        vec![
            ("one part", "rubbish".to_owned()),
            ("two parts", format!("{header}.{claims}")),
            ("four parts", format!("{good}.{signature}")),
            ("five parts", format!("{good}.{signature}.{signature}")),
            ("signature cut", with(&signature[..signature.len() - 2])),
            (
                "signature changed",
                with(&format!("{}AA", &signature[..signature.len() - 2])),
            ),
            ("signature empty", with("")),
            ("signature padded", with(&format!("{signature}=="))),
            ("standard base64", with(&standard)),
            ("signature of zeros", with(&"A".repeat(signature.len()))),
            ("payload swapped", format!("{header}.{other}.{signature}")),
            ("blank inside", format!("{header}. {claims}.{signature}")),
            ("blank before", format!(" {good}")),
            ("a refresh token", format!("bwr_{}", "a".repeat(43))),
            ("a client secret", format!("bws_{}", "a".repeat(43))),
        ]
    }

    /// A token for this server with a service's key and its id, and these claims.
    fn by_key(&self, header: &Map<String, Value>, claims: &Map<String, Value>, of: Service) -> String {
        let header = Value::Object(header.clone()).to_string();
        let claims = Value::Object(claims.clone()).to_string();
        let message = format!("{}.{}", part(header), part(claims));
        let key = signing_key(self.world.service_keys.pair(of));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
        format!("{message}.{signature}")
    }

    /// Tokens of the suite's own services, which the internal listener takes.
    fn internal(&self) -> Cases {
        let now = self.now();
        let object = |value: Value| value.as_object().unwrap().clone();
        let id = |service| self.world.service_keys.pair(service).id();
        let kid = id(Service::Tenancy);
        let head = object(json!({ "typ": "svc+jwt", "alg": "EdDSA", "kid": kid }));
        let good = object(json!({
            "iss": "service:tenancy", "sub": "service:tenancy", "aud": "service:identity",
            "iat": now, "exp": now + 300, "jti": "j1",
        }));
        type Object = Map<String, Value>;
        let tenancy = |head: &Object, claims: &Object| self.by_key(head, claims, Service::Tenancy);
        let authorization =
            |head: &Object, claims: &Object| self.by_key(head, claims, Service::Authorization);
        let header = |name: &str, value: Option<Value>| tenancy(&set(&head, name, value), &good);
        let claim = |name: &str, value: Option<Value>| tenancy(&head, &set(&good, name, value));
        let of = |claims: &Map<String, Value>, name: &str| {
            let claims = set(claims, "iss", Some(json!(name)));
            set(&claims, "sub", Some(json!(name)))
        };
        let own = self.world.service_keys.pair(Service::Tenancy);
        let hmac = |secret: &[u8]| self.hmac(&kid, "svc+jwt", &Value::Object(good.clone()), secret);
        let audiences = json!(["service:identity", "service:authorization"]);
        let twice = Value::Object(good.clone()).to_string();
        let twice = twice.replacen('{', r#"{"aud":"service:authorization","#, 1);
        let twice = {
            let message = format!(
                "{}.{}",
                part(Value::Object(head.clone()).to_string()),
                part(twice)
            );
            let key = signing_key(own);
            let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA);
            format!("{message}.{}", signature.unwrap())
        };
        vec![
            ("internal without kid", header("kid", None)),
            ("internal with an empty kid", header("kid", Some(json!("")))),
            (
                "internal with an unknown kid",
                header("kid", Some(json!("internal"))),
            ),
            (
                "internal with the kid of an access key",
                header("kid", Some(json!("k1"))),
            ),
            (
                "internal with the type of access tokens",
                header("typ", Some(json!(AccessClaims::TYPE))),
            ),
            ("internal with the type JWT", header("typ", Some(json!("JWT")))),
            ("internal with crit", header("crit", Some(json!(["exp"])))),
            ("internal with alg none", header("alg", Some(json!("none")))),
            (
                "internal with HS256 and the public key",
                hmac(own.public_pem().as_bytes()),
            ),
            ("internal with HS256 and an empty secret", hmac(b"")),
            ("the key of another service under its kid", {
                let head = set(&head, "kid", Some(json!(id(Service::Authorization))));
                authorization(&head, &good)
            }),
            (
                "the key of another service under this kid",
                authorization(&head, &good),
            ),
            (
                "internal for the suite",
                claim("aud", Some(json!(AccessClaims::AUDIENCE))),
            ),
            (
                "internal for another service",
                claim("aud", Some(json!("service:authorization"))),
            ),
            ("internal for a bare name", claim("aud", Some(json!("identity")))),
            (
                "internal for a list of one",
                claim("aud", Some(json!(["service:identity"]))),
            ),
            ("internal for two services", claim("aud", Some(audiences))),
            ("internal for nobody", claim("aud", None)),
            ("internal with a claim twice", twice),
            (
                "internal of a user",
                claim("sub", Some(self.claims["sub"].clone())),
            ),
            ("internal without sub", claim("sub", None)),
            ("internal without iss", claim("iss", None)),
            (
                "internal of another issuer",
                claim("iss", Some(json!("service:authorization"))),
            ),
            (
                "internal of the deployment",
                claim("iss", Some(self.claims["iss"].clone())),
            ),
            (
                "internal of another service",
                tenancy(&head, &of(&good, "service:authorization")),
            ),
            (
                "internal of an unknown service",
                tenancy(&head, &of(&good, "service:billing")),
            ),
            ("internal for a day", claim("exp", Some(json!(now + 86_400)))),
            ("internal from the future", claim("iat", Some(json!(now + 120)))),
            (
                "internal with an old iat",
                claim("iat", Some(json!(now - 86_400))),
            ),
            ("internal expired", claim("exp", Some(json!(now)))),
            (
                "internal with exp as text",
                claim("exp", Some(json!((now + 300).to_string()))),
            ),
            ("internal without exp", claim("exp", None)),
            ("internal without iat", claim("iat", None)),
            ("internal not yet valid", claim("nbf", Some(json!(now + 120)))),
            ("internal without jti", claim("jti", None)),
            ("internal with an empty jti", claim("jti", Some(json!("")))),
        ]
    }
}

fn set(map: &Map<String, Value>, name: &str, value: Option<Value>) -> Map<String, Value> {
    let mut map = map.clone();
    match value {
        Some(value) => map.insert(name.to_owned(), value),
        None => map.remove(name),
    };
    map
}

#[tokio::test]
async fn forged_and_malformed_tokens_are_refused_and_never_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = Setup::default().start().await;
    let forge = Forge::new(&world);
    world.introspect(Some(&world.token())).await.unwrap();
    let service = Subject::service(ServiceAccountId::from_uuid(uuid::Uuid::from_u128(9)));
    let claims = set(&forge.claims, "sub", Some(json!(service.to_string())));
    let claims = set(&claims, "sid", None);
    let good = forge.signed(&forge.header_text(), &Value::Object(claims).to_string());
    world.introspect(Some(&good)).await.unwrap();
    let peer = world.peer_token();
    world.keys_inside(Some(&peer)).await.unwrap();

    let groups = [
        forge.algorithms_and_keys(),
        forge.headers(),
        forge.claims(),
        forge.forms(),
        forge.internal(),
    ];
    let mut cases: Vec<_> = groups.into_iter().flatten().collect();
    // Good ones, each on the other's listener.
    let outside = [("a service at a method that is not internal", peer.clone())];
    for (what, token) in cases.iter().chain(&outside) {
        assert_eq!(refused(world.introspect(Some(token)).await), invalid(), "{what}");
    }
    let inside = [("a user", world.token()), ("a service account", good)];
    for (what, token) in cases.iter().chain(&inside) {
        assert_eq!(refused(world.keys_inside(Some(token)).await), invalid(), "{what}");
    }
    let internal = forge.internal();
    for (what, token) in internal.iter().chain(&inside) {
        let refused = health_inside(&world, Some(token)).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{what}");
    }
    cases.extend(outside);
    cases.extend(inside);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("Unauthenticated"), "refusals are logged");
    for (what, token) in &cases {
        for part in token.split('.').filter(|part| part.len() > 20) {
            assert!(
                !text.contains(&part[..20]),
                "a part of the token is in the log: {what}"
            );
        }
    }
}

/// A health check on the internal listener.
async fn health_inside(world: &World, token: Option<&str>) -> Result<(), tonic::Status> {
    let mut request = Request::new(HealthCheckRequest::default());
    if let Some(token) = token {
        request.metadata_mut().insert("authorization", bearer(token));
    }
    HealthClient::new(world.inside.clone())
        .check(request)
        .await
        .map(drop)
}

#[tokio::test]
async fn the_internal_listener_has_internal_methods_alone_and_no_other_listener_has_them() {
    let world = Setup::default().start().await;
    let token = world.peer_token();
    health_inside(&world, Some(&token)).await.unwrap();
    let missing = (Code::Unauthenticated, "CREDENTIALS_MISSING".to_owned());
    assert_eq!(refused(world.keys_inside(None).await), missing);
    assert_eq!(refused(health_inside(&world, None).await), missing);

    let unknown = (Code::Unimplemented, "UNIMPLEMENTED".to_owned());
    let mut inside = TokenServiceClient::new(world.inside.clone());
    let mut request = Request::new(IntrospectRequest::default());
    request.metadata_mut().insert("authorization", bearer(&token));
    let public = inside.introspect(request).await.map(drop).unwrap_err();
    let path = "/bailiwick.identity.v1.TokenService/Introspect";
    assert_eq!(public.message(), format!("unknown method `{path}`"));
    assert_eq!(refused(Err(public)), unknown);

    // With good credentials, and on the listener for everybody.
    for token in [token, world.token()] {
        let mut request = Request::new(FollowRequest::default());
        request.metadata_mut().insert("authorization", bearer(&token));
        let mut feed = ChangeFeedServiceClient::new(world.channel.clone());
        let internal = feed.follow(request).await.map(drop).unwrap_err();
        let path = "/bailiwick.events.v1.ChangeFeedService/Follow";
        assert_eq!(internal.message(), format!("unknown method `{path}`"));
        assert_eq!(refused(Err(internal)), unknown);
    }
}

#[tokio::test]
async fn a_service_that_a_method_does_not_name_is_refused() {
    let setup = Setup::default();
    let keys = setup.service_keys.clone();
    let world = setup.start().await;
    let denied = (Code::PermissionDenied, "PERMISSION_DENIED".to_owned());
    let identity = internal(Service::Identity, &keys, world.clock.clone());
    let token = token_for(&identity, Service::Identity);
    assert_eq!(refused(world.keys_inside(Some(&token)).await), denied);
    let authorization = internal(Service::Authorization, &keys, world.clock.clone());
    let token = token_for(&authorization, Service::Identity);
    world.keys_inside(Some(&token)).await.unwrap();
}

#[tokio::test]
async fn only_one_authorization_header_of_the_scheme_bearer_counts() {
    let world = Setup::default().start().await;
    let good = format!("Bearer {}", world.token());
    let call = async |headers: &[&str]| {
        let mut request = Request::new(Default::default());
        for header in headers {
            request
                .metadata_mut()
                .append("authorization", header.parse().unwrap());
        }
        world.client().introspect(request).await.map(drop)
    };
    call(&[&good]).await.unwrap();
    for headers in [
        vec![&*good, "Bearer bad"],
        vec!["Bearer bad", &good],
        vec![&good, &good],
        vec!["Basic dXNlcjpwYXNz"],
        vec!["Bearer "],
        vec![&good["Bearer ".len()..]],
    ] {
        assert_eq!(refused(call(&headers).await), invalid(), "{headers:?}");
    }
}

fn invalid() -> (Code, String) {
    (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned())
}
