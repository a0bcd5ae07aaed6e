//! Verifies access tokens of this issuer.

use bailiwick_types::{AccessClaims, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};

use super::{Issuer, KeyRing};

/// The longest token, in bytes.
const LONGEST: usize = 8 * 1024;

/// The claims of an access token that this issuer has signed and that has not expired. Whether it was revoked
/// is not looked at.
pub(crate) fn verify(
    ring: &KeyRing,
    issuer: &Issuer,
    token: &SecretString,
    now: Timestamp,
) -> Option<AccessClaims> {
    let text = token.expose_secret();
    if text.len() > LONGEST {
        return None;
    }
    let head = jsonwebtoken::decode_header(text).ok()?;
    if head.typ.as_deref() != Some(AccessClaims::TYPE) {
        return None;
    }
    let kid = head.kid?;
    let (_, public) = ring.public().find(|(known, _)| *known == kid)?;
    let key = DecodingKey::from_ed_components(public).ok()?;
    let mut rules = Validation::new(Algorithm::EdDSA);
    // Expiry is checked with the injected clock.
    rules.validate_exp = false;
    rules.set_audience(&[&issuer.audience]);
    rules.set_issuer(&[&issuer.name]);
    rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    let claims = jsonwebtoken::decode::<AccessClaims>(text, &key, &rules)
        .ok()?
        .claims;
    (claims.exp > now.seconds()).then_some(claims)
}
