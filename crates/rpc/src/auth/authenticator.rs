//! Verifies the `authorization` header of a call.

use std::{sync::Arc, time::Duration};

use bailiwick_proto::Method;
use bailiwick_types::{
    AccessClaims, AccountId, ApiKeyId, Caller, CallerKind, Clock, Credentials, KeyText, SessionId, Subject,
    Timestamp, Verifier,
};
use jsonwebtoken::Validation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    ApiKeys, AuthError, InternalVerifier, KeyDigest, KeyError, KeySource, SKEW,
    cache::{TokenCache, Verified},
    header::{TokenHeader, TokenKind},
};
use crate::HumanDuration;

/// How long a process that has just started waits to learn what ended before.
const FIRST_CONTACT: Duration = Duration::from_secs(1);

/// How long a key that was verified is remembered: identity notes its uses, and hears of none before.
const KEY_REMEMBERED: Duration = Duration::from_mins(5);

/// Which access tokens count.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// The issuer whose tokens count: the public address of identity.
    pub issuer: String,
    /// How many verified tokens are remembered.
    pub remembered_tokens: usize,
    /// The longest life that identity gives to an access token: for so long an ended session is kept in mind.
    pub longest_token_life: HumanDuration,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            issuer: "https://bailiwick.local".to_owned(),
            remembered_tokens: 100_000,
            longest_token_life: HumanDuration::from(Duration::from_hours(1)),
        }
    }
}

/// Verifies tokens and caches the valid ones.
pub struct Authenticator {
    issuer: String,
    keys: Arc<dyn KeySource>,
    internal: InternalVerifier,
    clock: Arc<dyn Clock>,
    verifier: Verifier,
    cache: TokenCache,
    api_keys: Option<Arc<dyn ApiKeys>>,
    longest_life: Duration,
    /// Whether what ended is known here.
    revocations: watch::Sender<bool>,
}

bailiwick_types::debug_fields!(Authenticator { issuer });

impl Authenticator {
    /// Creates one that verifies with these keys and this clock.
    #[must_use]
    pub fn new(
        config: &AuthConfig,
        keys: Arc<dyn KeySource>,
        internal: InternalVerifier,
        clock: Arc<dyn Clock>,
        verifier: Verifier,
    ) -> Self {
        let longest_life = config.longest_token_life.get();
        Self {
            issuer: config.issuer.clone(),
            keys,
            internal,
            clock,
            verifier,
            cache: TokenCache::new(config.remembered_tokens, longest_life),
            api_keys: None,
            longest_life,
            revocations: watch::Sender::new(true),
        }
    }

    /// The same that accepts API keys too.
    #[must_use]
    pub fn with_api_keys(self, keys: Arc<dyn ApiKeys>) -> Self {
        Self {
            api_keys: Some(keys),
            ..self
        }
    }

    /// Accepts no access token until [`Self::revocations_arrive`]: a process that has just started does not
    /// know yet what ended before. To be called before the first token is verified.
    pub fn await_revocations(&self) {
        self.revocations.send_replace(false);
    }

    /// Accepts access tokens from now on: what ended is known here, and what ends will be.
    pub fn revocations_arrive(&self) {
        self.revocations.send_replace(true);
    }

    /// Waits until access tokens are accepted: see [`Self::await_revocations`].
    pub async fn heard_revocations(&self) {
        // The sender lives as long as this value.
        let _ = self.revocations.subscribe().wait_for(|arrive| *arrive).await;
    }

    /// The caller of a token that was verified before and is still valid. Costs a hash and a look-up.
    #[must_use]
    pub fn recall(&self, token: &str) -> Option<Arc<Caller>> {
        self.cache.get(&TokenCache::key(token), self.clock.now())
    }

    /// The suite's own service that a token for the service of a method is of; `method` is none for what
    /// every service has. Such tokens are no access tokens: [`Self::verify`] knows none of them.
    ///
    /// # Errors
    /// The token is invalid, expired, of an unknown service or key, or for another service.
    pub fn verify_service(
        &self,
        token: &str,
        method: Option<&'static Method>,
    ) -> Result<Arc<Caller>, AuthError> {
        let caller = self.internal.verify(token, &self.verifier)?;
        let target = method.and_then(bailiwick_proto::Method::service);
        if target.is_some() && caller.audience() != target {
            return Err(AuthError::Invalid);
        }
        Ok(caller)
    }

    /// The caller of an access token or of an API key. Whether a key serves the network of its client is not
    /// asked here: [`KeyScope::admits`](bailiwick_types::KeyScope::admits).
    ///
    /// # Errors
    /// The token is invalid, expired, revoked or for another audience, or what it is verified with is
    /// unavailable.
    pub async fn verify(&self, token: &str) -> Result<Arc<Caller>, AuthError> {
        let key = TokenCache::key(token);
        if let Some(caller) = self.cache.get(&key, self.clock.now()) {
            return Ok(caller);
        }
        let verified = self.verify_anew(token).await?;
        if self.cache.put(key, &verified) {
            return Ok(verified.caller);
        }
        if !KeyText::is_meant(token) {
            return Err(AuthError::Invalid);
        }
        // The key, or its maker, changed while identity answered: it is asked what it says now.
        let verified = self.verify_anew(token).await?;
        if self.cache.put(key, &verified) {
            Ok(verified.caller)
        } else {
            Err(AuthError::Invalid)
        }
    }

    /// Rejects the tokens of a session from now on, because it has ended.
    pub fn forget_session(&self, session: SessionId) {
        self.cache.end_session(session, self.clock.now());
    }

    /// Rejects one token by its id from now on, because it was revoked.
    pub fn forget_token(&self, id: &str) {
        self.cache.end_token(id, self.clock.now());
    }

    /// Forgets an API key, because it was revoked or ends earlier: identity is asked for it again.
    pub fn forget_key(&self, key: ApiKeyId) {
        self.cache.end_key(key, self.clock.now());
    }

    /// Rejects the tokens that a subject has been issued so far, because it was disabled or its credentials
    /// changed.
    pub fn forget_subject(&self, subject: &Subject) {
        self.cache.end_subject(subject, self.clock.now());
    }

    async fn verify_anew(&self, token: &str) -> Result<Verified, AuthError> {
        if KeyText::is_meant(token) {
            return self.verify_key(token).await;
        }
        let header = TokenHeader::read(token).ok_or(AuthError::Invalid)?;
        let now = self.clock.now();
        // Those of the suite's own services count on the internal listener alone.
        if header.kind != TokenKind::Access {
            return Err(AuthError::Invalid);
        }
        self.verify_access(token, &header.key_id, now).await
    }

    /// Nobody is asked for a text that is no key.
    async fn verify_key(&self, text: &str) -> Result<Verified, AuthError> {
        let keys = self.api_keys.as_ref().ok_or(AuthError::Invalid)?;
        let key = KeyText::parse(text).ok_or(AuthError::Invalid)?;
        self.revocations_known().await?;
        let (generation, made) = (self.cache.generation(), self.clock.now());
        let answer = keys.verify(key.id(), &KeyDigest::of(text)).await;
        let answer = answer.map_err(|error| match error {
            KeyError::Unavailable => AuthError::Unavailable,
            KeyError::Malformed(_) => AuthError::Internal(error.to_string()),
        })?;
        let known = answer.ok_or(AuthError::Invalid)?;
        if known.expires <= self.clock.now() {
            return Err(AuthError::Invalid);
        }
        let caller = self.verifier.key_caller(known.user, known.scope, known.expires);
        Ok(Verified {
            caller: Arc::new(caller),
            id: key.id().to_string().into_boxed_str(),
            made,
            generation,
            until: known.expires.min(made.plus(KEY_REMEMBERED)),
        })
    }

    async fn revocations_known(&self) -> Result<(), AuthError> {
        let mut revocations = self.revocations.subscribe();
        let known = tokio::time::timeout(FIRST_CONTACT, revocations.wait_for(|known| *known));
        match known.await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(AuthError::Unavailable),
        }
    }

    async fn verify_access(&self, token: &str, id: &str, now: Timestamp) -> Result<Verified, AuthError> {
        self.revocations_known().await?;
        let key = self.keys.key(id).await.map_err(|error| match error {
            KeyError::Unavailable => AuthError::Unavailable,
            KeyError::Malformed(_) => AuthError::Internal(error.to_string()),
        })?;
        let key = key.ok_or(AuthError::Invalid)?;
        let mut rules = Validation::new(key.algorithm);
        // Expiry is checked with the injected clock, not with the crate's.
        rules.validate_exp = false;
        rules.set_audience(&[AccessClaims::AUDIENCE]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let claims = jsonwebtoken::decode::<AccessClaims>(token, &key.key, &rules);
        let claims = claims.map_err(|_| AuthError::Invalid)?.claims;
        let longest = i64::try_from(self.longest_life.as_secs()).unwrap_or(i64::MAX);
        let seconds = now.seconds();
        let latest = seconds.saturating_add(SKEW);
        let in_time = claims.exp > seconds
            && claims.iat <= latest
            && claims.nbf.is_none_or(|from| from <= latest)
            && claims.exp.saturating_sub(claims.iat) <= longest;
        if !in_time {
            return Err(AuthError::Invalid);
        }
        let verified = credentials(&claims).ok_or(AuthError::Invalid)?;
        Ok(Verified {
            caller: Arc::new(self.verifier.caller(verified)),
            id: claims.jti.into_boxed_str(),
            made: Timestamp::from_seconds(claims.iat),
            generation: 0,
            until: Timestamp::from_seconds(claims.exp),
        })
    }
}

/// Converts the claims to credentials; none where they describe no kind of caller.
fn credentials(claims: &AccessClaims) -> Option<Credentials> {
    let subject: Subject = claims.sub.parse().ok()?;
    let session: Option<SessionId> = claims.sid.as_deref().map(str::parse).transpose().ok()?;
    let account: Option<AccountId> = claims.acct.as_deref().map(str::parse).transpose().ok()?;
    let kind = match subject.kind() {
        "user" => {
            subject.user_id()?;
            session?;
            CallerKind::User
        }
        "service" => {
            subject.id().parse::<bailiwick_types::ServiceAccountId>().ok()?;
            CallerKind::Service
        }
        _ => return None,
    };
    Some(Credentials {
        kind,
        subject,
        account,
        session,
        expires: Some(Timestamp::from_seconds(claims.exp)),
        audience: None,
    })
}
