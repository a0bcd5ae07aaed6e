//! Tokens that must be refused: a table of what can be wrong with a header, with claims and with the form.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use bailiwick_types::{AccessClaims, Clock, ServiceAccountId, Subject};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};
use tonic::{Code, Request};
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{INTERNAL_KEY, Setup, Signer, World, part, refused};

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

    /// Tokens with the key of the suite's own services.
    fn internal(&self) -> Cases {
        let now = self.now();
        let good = json!({
            "aud": "bailiwick-internal", "sub": "service:tenancy", "iat": now, "exp": now + 300,
        });
        let signed =
            |key_id: &str, claims: &Value| self.hmac(key_id, "svc+jwt", claims, INTERNAL_KEY.as_bytes());
        let claim = |name: &str, value: Value| {
            let claims = Value::Object(set(good.as_object().unwrap(), name, Some(value)));
            signed("internal", &claims)
        };
        vec![
            ("internal with another kid", signed("k1", &good)),
            ("internal with the type of access tokens", {
                self.hmac("internal", AccessClaims::TYPE, &good, INTERNAL_KEY.as_bytes())
            }),
            (
                "internal with the type JWT",
                self.hmac("internal", "JWT", &good, INTERNAL_KEY.as_bytes()),
            ),
            (
                "internal for the suite",
                claim("aud", json!(AccessClaims::AUDIENCE)),
            ),
            ("internal of a user", claim("sub", self.claims["sub"].clone())),
            ("internal for a day", claim("exp", json!(now + 86_400))),
            ("internal from the future", claim("iat", json!(now + 120))),
            ("internal with an old iat", claim("iat", json!(now - 86_400))),
            ("internal expired", claim("exp", json!(now))),
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

    let groups = [
        forge.algorithms_and_keys(),
        forge.headers(),
        forge.claims(),
        forge.forms(),
        forge.internal(),
    ];
    let cases: Vec<_> = groups.into_iter().flatten().collect();
    for (what, token) in &cases {
        assert_eq!(refused(world.introspect(Some(token)).await), invalid(), "{what}");
    }
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
