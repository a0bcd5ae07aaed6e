//! How the suite's services authenticate to each other: with a short-lived JWT signed with a shared key.

use std::sync::{Arc, Mutex};

use bailiwick_types::{CallerKind, Clock, Credentials, Service, Subject, Timestamp};
use http::HeaderValue;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::{AuthError, SKEW};
use crate::Secret;

/// The audience of such tokens.
const AUDIENCE: &str = "bailiwick-internal";
/// The key id of such tokens.
pub(super) const KEY_ID: &str = "internal";
/// The type in the header of such tokens: an access token cannot pass as one, nor the other way round.
pub(super) const TYPE: &str = "svc+jwt";
/// The life of a token, in seconds.
const LIFE: i64 = 300;
/// A token is replaced so many seconds before it expires.
const MARGIN: i64 = 60;
/// The shortest key, in bytes: as long as the hash (RFC 7518 section 3.2).
const SHORTEST_KEY: usize = 32;

/// The credentials of a service for calls to the others, and the verifier of theirs.
pub struct InternalIdentity {
    subject: String,
    sign: EncodingKey,
    verify: DecodingKey,
    clock: Arc<dyn Clock>,
    made: Mutex<Option<(i64, HeaderValue)>>,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
}

bailiwick_types::debug_fields!(InternalIdentity { subject });

impl InternalIdentity {
    /// The identity of a service, from the key that all services of the suite share.
    ///
    /// # Errors
    /// The key is shorter than 32 bytes.
    pub fn new(service: Service, key: &Secret, clock: Arc<dyn Clock>) -> Result<Self, AuthError> {
        let bytes = key.expose().as_bytes();
        if bytes.len() < SHORTEST_KEY {
            let text = format!("the internal key must have at least {SHORTEST_KEY} bytes");
            return Err(AuthError::Internal(text));
        }
        Ok(Self {
            subject: format!("service:{service}"),
            sign: EncodingKey::from_secret(bytes),
            verify: DecodingKey::from_secret(bytes),
            clock,
            made: Mutex::new(None),
        })
    }

    /// The value of the `authorization` header, replaced before it expires.
    ///
    /// # Errors
    /// Signing fails.
    pub fn header(&self) -> Result<HeaderValue, AuthError> {
        let now = self.clock.now().seconds();
        let mut made = self
            .made
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((until, header)) = made.as_ref()
            && (now..now + LIFE + 1).contains(&(until - MARGIN))
        {
            return Ok(header.clone());
        }
        let claims = Claims {
            aud: AUDIENCE.to_owned(),
            sub: self.subject.clone(),
            iat: now,
            exp: now + LIFE,
        };
        let head = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(KEY_ID.to_owned()),
            ..Header::new(Algorithm::HS256)
        };
        let token = jsonwebtoken::encode(&head, &claims, &self.sign);
        let token = token.map_err(|error| AuthError::Internal(error.to_string()))?;
        let mut header = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|error| AuthError::Internal(error.to_string()))?;
        header.set_sensitive(true);
        *made = Some((claims.exp, header.clone()));
        Ok(header)
    }

    /// Authenticates another service by its token.
    ///
    /// # Errors
    /// The token is invalid, expired, or signed with another key.
    pub fn verify(&self, token: &str) -> Result<Credentials, AuthError> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false;
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "aud", "sub"]);
        let read = jsonwebtoken::decode::<Claims>(token, &self.verify, &rules);
        let claims = read.map_err(|_| AuthError::Invalid)?.claims;
        let now = self.clock.now().seconds();
        let subject: Subject = claims.sub.parse().map_err(|_| AuthError::Invalid)?;
        let in_time = claims.exp > now
            && claims.iat <= now.saturating_add(SKEW)
            && claims.exp.saturating_sub(claims.iat) <= LIFE;
        if !in_time || subject.kind() != "service" {
            return Err(AuthError::Invalid);
        }
        Ok(Credentials {
            kind: CallerKind::Internal,
            subject,
            account: None,
            session: None,
            expires: Some(Timestamp::from_seconds(claims.exp)),
        })
    }
}
