//! How the suite's services authenticate to each other: with a short-lived JWT that the caller signs with a
//! key of its own, for one service (RFC 7523 section 3).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bailiwick_types::{Caller, CallerKind, Clock, Credentials, Service, Subject, Timestamp, Verifier};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderValue;
use jsonwebtoken::{Algorithm, Header, Validation};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

use super::{
    AuthError, SKEW, ServiceKeys,
    cache::TokenCache,
    header::{TokenHeader, TokenKind},
};

/// The type in the header of such tokens: an access token cannot pass as one, nor the other way round.
pub(super) const TYPE: &str = "svc+jwt";
/// The life of a token, in seconds.
const LIFE: i64 = 300;
/// A token is replaced so many seconds before it expires.
const MARGIN: i64 = 60;
/// How many verified tokens are remembered: each process of a peer has one for each service here.
const REMEMBERED: usize = 1024;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    jti: String,
}

/// The name of a service in claims.
fn name(service: Service) -> String {
    format!("service:{service}")
}

/// The credentials of a service for calls to the others.
pub struct InternalIdentity {
    service: Service,
    keys: Arc<ServiceKeys>,
    clock: Arc<dyn Clock>,
    /// The token for each service.
    made: Mutex<BTreeMap<Service, Made>>,
}

struct Made {
    generation: u64,
    until: i64,
    header: HeaderValue,
}

bailiwick_types::debug_fields!(InternalIdentity { service });

impl InternalIdentity {
    /// The identity of a service of this process.
    #[must_use]
    pub fn new(service: Service, keys: Arc<ServiceKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            service,
            keys,
            clock,
            made: Mutex::default(),
        }
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> Service {
        self.service
    }

    /// The value of the `authorization` header for calls to a service, replaced before it expires.
    ///
    /// # Errors
    /// The process has no key of the service, or signing fails.
    pub fn header(&self, target: Service) -> Result<HeaderValue, AuthError> {
        let now = self.clock.now().seconds();
        let own = self.keys.own(self.service);
        let (generation, key) =
            own.ok_or_else(|| AuthError::Internal(format!("there is no key of {}", self.service)))?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(&target)
            && known.generation == generation
            && (now..now + LIFE + 1).contains(&(known.until - MARGIN))
        {
            return Ok(known.header.clone());
        }
        let mut id = [0; 16];
        let internal = |error: &dyn std::fmt::Display| AuthError::Internal(error.to_string());
        aws_lc_rs::rand::fill(&mut id).map_err(|error| internal(&error))?;
        let claims = Claims {
            iss: name(self.service),
            sub: name(self.service),
            aud: name(target),
            iat: now,
            exp: now + LIFE,
            nbf: None,
            jti: URL_SAFE_NO_PAD.encode(id),
        };
        let head = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(key.id()),
            ..Header::new(Algorithm::EdDSA)
        };
        let token = jsonwebtoken::encode(&head, &claims, key.signing_key());
        let token = token.map_err(|error| internal(&error))?;
        let header = HeaderValue::try_from(format!("Bearer {token}"));
        let mut header = header.map_err(|error| internal(&error))?;
        header.set_sensitive(true);
        let fresh = Made {
            generation,
            until: claims.exp,
            header: header.clone(),
        };
        made.insert(target, fresh);
        Ok(header)
    }
}

/// Verifies the tokens of other services.
pub struct InternalVerifier {
    /// The services that tokens may be for.
    here: Vec<Service>,
    keys: Arc<ServiceKeys>,
    clock: Arc<dyn Clock>,
    verified: Cache<[u8; 32], Verified>,
}

#[derive(Clone)]
struct Verified {
    /// Of the keys: where they are replaced, a token is verified anew.
    generation: u64,
    until: Timestamp,
    caller: Arc<Caller>,
}

bailiwick_types::debug_fields!(InternalVerifier { here });

impl InternalVerifier {
    /// Verifies tokens for these services.
    #[must_use]
    pub fn new(here: &[Service], keys: Arc<ServiceKeys>, clock: Arc<dyn Clock>) -> Self {
        Self {
            here: here.to_vec(),
            keys,
            clock,
            verified: Cache::new(REMEMBERED),
        }
    }

    /// The service that a token is of, which may be remembered.
    ///
    /// # Errors
    /// The token is invalid, expired, of an unknown service or key, or for no service here.
    pub(super) fn verify(&self, token: &str, verifier: &Verifier) -> Result<Arc<Caller>, AuthError> {
        let hash = TokenCache::key(token);
        if let Some(known) = self.verified.get(&hash) {
            if known.until > self.clock.now() && known.generation == self.keys.generation() {
                return Ok(known.caller);
            }
            self.verified.remove(&hash);
        }
        let (generation, credentials) = self.verify_anew(token).ok_or(AuthError::Invalid)?;
        let until = credentials.expires.unwrap_or_else(|| self.clock.now());
        let caller = Arc::new(verifier.caller(credentials));
        let verified = Verified {
            generation,
            until,
            caller: Arc::clone(&caller),
        };
        self.verified.insert(hash, verified);
        Ok(caller)
    }

    fn verify_anew(&self, token: &str) -> Option<(u64, Credentials)> {
        let header = TokenHeader::read(token).filter(|header| header.kind == TokenKind::Internal)?;
        let (generation, key) = self.keys.public(&header.key_id)?;
        let mut rules = Validation::new(Algorithm::EdDSA);
        // Both are looked at below: the first with the injected clock, the second as one text.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let claims = jsonwebtoken::decode::<Claims>(token, &key.verify, &rules);
        let claims = claims.ok()?.claims;
        let now = self.clock.now().seconds();
        let latest = now.saturating_add(SKEW);
        let in_time = claims.exp > now
            && claims.iat <= latest
            && claims.nbf.is_none_or(|from| from <= latest)
            && claims.exp.saturating_sub(claims.iat) <= LIFE;
        // A key is good for the name of its service alone.
        let caller = name(key.service);
        let own = claims.iss == caller && claims.sub == caller;
        let audience = self.here.iter().find(|here| claims.aud == name(**here))?;
        if !in_time || !own || claims.jti.is_empty() {
            return None;
        }
        let credentials = Credentials {
            kind: CallerKind::Internal,
            subject: Subject::new("service", key.service.as_str()).ok()?,
            account: None,
            session: None,
            expires: Some(Timestamp::from_seconds(claims.exp)),
            audience: Some(*audience),
        };
        Some((generation, credentials))
    }
}
