//! Access tokens and their claims.

use std::time::Duration;

use bailiwick_types::{AccessClaims, AccountId, IdGen, ServiceAccountId, Subject, Timestamp, faults};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, Header};
use secrecy::SecretString;

use super::KeyRing;
use crate::session::Session;

/// An access token.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The JWT.
    pub text: SecretString,
    /// Its id, the claim `jti`.
    pub id: String,
    /// When it expires.
    pub expires: Timestamp,
}

faults! {
    /// Why no token was issued.
    #[derive(Clone)]
    MintError;
    /// There is no key.
    NoKey "there is no signing key" => Internal Internal;
    /// Signing failed.
    Signing(String) "cannot sign a token: {0}" => Internal Internal;
}

/// Issues access tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// `iss`: the URL of the identity service (RFC 8414).
    pub name: String,
    /// `aud`.
    pub audience: String,
    /// The lifetime of a token.
    pub lifetime: Duration,
}

impl Issuer {
    /// A token for a session. It expires with the session at the latest.
    ///
    /// # Errors
    /// There is no key, or signing failed.
    pub fn for_session(
        &self,
        ring: &KeyRing,
        ids: &dyn IdGen,
        session: &Session,
        now: Timestamp,
    ) -> Result<AccessToken, MintError> {
        let expires = now.plus(self.lifetime).min(session.expires);
        let claims = self.claims(Subject::user(session.user), ids, now, expires);
        let claims = AccessClaims {
            sid: Some(session.id.to_string()),
            acct: session.account.map(|account| account.to_string()),
            client_id: Some(AccessClaims::OWN_CLIENT.to_owned()),
            auth_time: Some(session.created.seconds()),
            acr: Some(session.proof.acr().to_owned()),
            amr: session.proof.amr().iter().map(|way| (*way).to_owned()).collect(),
            ..claims
        };
        sign(ring, &claims, now, expires)
    }
    /// A token for a service account.
    ///
    /// # Errors
    /// There is no key, or signing failed.
    pub fn for_service(
        &self,
        ring: &KeyRing,
        ids: &dyn IdGen,
        (service, account): (ServiceAccountId, Option<AccountId>),
        now: Timestamp,
    ) -> Result<AccessToken, MintError> {
        let expires = now.plus(self.lifetime);
        let claims = AccessClaims {
            acct: account.map(|account| account.to_string()),
            client_id: Some(service.to_string()),
            ..self.claims(Subject::service(service), ids, now, expires)
        };
        sign(ring, &claims, now, expires)
    }

    fn claims(&self, subject: Subject, ids: &dyn IdGen, now: Timestamp, expires: Timestamp) -> AccessClaims {
        AccessClaims {
            iss: self.name.clone(),
            aud: self.audience.clone(),
            sub: subject.into(),
            sid: None,
            acct: None,
            client_id: None,
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            iat: now.seconds(),
            exp: expires.seconds(),
            nbf: None,
            // It is sent with every call: shorter than the text of the UUID.
            jti: URL_SAFE_NO_PAD.encode(ids.uuid().as_bytes()),
        }
    }
}

fn sign(
    ring: &KeyRing,
    claims: &AccessClaims,
    now: Timestamp,
    expires: Timestamp,
) -> Result<AccessToken, MintError> {
    let key = ring.signing(now).ok_or(MintError::NoKey)?;
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(AccessClaims::TYPE.to_owned());
    header.kid = Some(key.kid.clone());
    let text = jsonwebtoken::encode(&header, claims, &key.encoding)
        .map_err(|error| MintError::Signing(error.to_string()))?;
    Ok(AccessToken {
        text: SecretString::from(text),
        id: claims.jti.clone(),
        // As in the token: whole seconds.
        expires: Timestamp::from_seconds(expires.seconds()),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bailiwick_testkit::ManualClock;
    use bailiwick_types::{AccountId, Clock, SessionId, SystemIds, SystemRng, UserId};
    use secrecy::ExposeSecret;

    use super::*;
    use crate::{
        session::{Client, Proof},
        signing::{KeySeal, SigningKey},
    };

    /// The longest claims of a token, encoded: it is sent with every call.
    const LONGEST: usize = 480;

    fn ring(now: Timestamp) -> KeyRing {
        let seal = KeySeal::new(None).unwrap();
        let stored = SigningKey::generate(&SystemRng, &seal, now, now).unwrap();
        KeyRing::of(vec![SigningKey::open(&stored, &seal).unwrap()])
    }

    #[test]
    fn a_token_says_whose_it_is_and_ends_with_its_session() {
        let clock = Arc::new(ManualClock::default());
        let now = clock.now();
        let ring = ring(now);
        let issuer = Issuer {
            name: "https://id.example".to_owned(),
            audience: "bailiwick".to_owned(),
            lifetime: Duration::from_mins(5),
        };
        let session = Session {
            id: SessionId::from_uuid(uuid::Uuid::from_u128(1)),
            user: UserId::from_uuid(uuid::Uuid::from_u128(2)),
            account: Some(AccountId::from_uuid(uuid::Uuid::from_u128(3))),
            created: now,
            expires: now.plus(Duration::from_mins(1)),
            ended: None,
            refreshed: None,
            proof: Proof::TwoFactors,
            client: Client::default(),
        };
        let token = issuer.for_session(&ring, &SystemIds, &session, now).unwrap();
        assert_eq!(token.expires, session.expires, "not beyond the session");
        let text = token.text.expose_secret();
        let head = jsonwebtoken::decode_header(text).unwrap();
        assert_eq!(head.kid.as_deref(), ring.public().next().map(|(kid, _)| kid));
        let claims: AccessClaims = jsonwebtoken::dangerous::insecure_decode(text).unwrap().claims;
        assert_eq!(claims.sub, Subject::user(session.user).to_string());
        let (sid, acct) = (claims.sid.unwrap(), claims.acct);
        assert_eq!(
            (sid, acct),
            (session.id.to_string(), session.account.map(|id| id.to_string()))
        );
        assert_eq!((claims.iat, claims.exp), (now.seconds(), now.seconds() + 60));
        assert_eq!(token.id, claims.jti);
        assert_eq!(claims.client_id.as_deref(), Some("bailiwick"));
        assert_eq!(claims.auth_time, Some(session.created.seconds()));
        assert_eq!(claims.acr.as_deref(), Some("aal2"));
        assert_eq!(claims.amr, ["pwd", "otp"]);
        assert!(!format!("{token:?}").contains(text));
    }

    #[test]
    fn a_token_stays_short_although_it_has_every_claim() {
        let clock = ManualClock::default();
        let now = clock.now();
        let ring = ring(now);
        // As long as the name of a service in a cluster, with scheme and port.
        let issuer = Issuer {
            name: "https://bailiwick-identity.bailiwick.svc.cluster.local:8081".to_owned(),
            audience: AccessClaims::AUDIENCE.to_owned(),
            lifetime: Duration::from_mins(5),
        };
        let session = Session {
            id: SessionId::from_uuid(uuid::Uuid::from_u128(1)),
            user: UserId::from_uuid(uuid::Uuid::from_u128(2)),
            account: Some(AccountId::from_uuid(uuid::Uuid::from_u128(3))),
            created: now,
            expires: now.plus(Duration::from_hours(1)),
            ended: None,
            refreshed: None,
            proof: Proof::TwoFactors,
            client: Client::default(),
        };
        let service = ServiceAccountId::from_uuid(uuid::Uuid::from_u128(4));
        let of_service = (service, session.account);
        for token in [
            issuer.for_session(&ring, &SystemIds, &session, now).unwrap(),
            issuer.for_service(&ring, &SystemIds, of_service, now).unwrap(),
        ] {
            let claims = token.text.expose_secret().split('.').nth(1).unwrap().len();
            assert!(claims <= LONGEST, "{claims}");
        }
    }

    #[test]
    fn without_a_key_nothing_is_issued() {
        let issuer = Issuer {
            name: String::new(),
            audience: String::new(),
            lifetime: Duration::from_mins(5),
        };
        let id = ServiceAccountId::from_uuid(uuid::Uuid::from_u128(1));
        let none = issuer.for_service(&KeyRing::default(), &SystemIds, (id, None), Timestamp(0));
        assert!(matches!(none, Err(MintError::NoKey)));
    }
}
