//! The form and the header of a token, read strictly before anything is verified (RFC 8725).

use bailiwick_types::AccessClaims;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use serde::Deserialize;

use super::internal;

/// The longest token, in bytes.
const LONGEST: usize = 8 * 1024;

/// Which kind of token it is. The header says so, so that no token of one kind passes as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An access token of identity.
    Access,
    /// A token of one of the suite's own services.
    Internal,
}

/// The header of a token.
#[derive(Debug)]
pub(super) struct TokenHeader {
    pub(super) kind: TokenKind,
    pub(super) key_id: String,
}

/// The members that the suite writes. Tokens come from its own issuer alone, therefore every other member
/// (`crit`, `jwk`, `jku`, `x5u`, `zip`, `cty`) is refused instead of ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    typ: String,
    alg: Algorithm,
    kid: String,
}

impl TokenHeader {
    /// Reads the header; none where the token is too long, does not have three parts, or its header or its
    /// claims are no JSON object of the expected form.
    pub(super) fn read(token: &str) -> Option<Self> {
        if token.len() > LONGEST {
            return None;
        }
        let mut parts = token.split('.');
        let (header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        // serde reads a struct from an array as well.
        let object = |part: &str| {
            let json = URL_SAFE_NO_PAD.decode(part).ok()?;
            json.starts_with(b"{").then_some(json)
        };
        object(claims)?;
        let members: Members = serde_json::from_slice(&object(header)?).ok()?;
        let kind = match (&*members.typ, members.alg) {
            (AccessClaims::TYPE, Algorithm::ES256 | Algorithm::EdDSA) => TokenKind::Access,
            (internal::TYPE, Algorithm::EdDSA) => TokenKind::Internal,
            _ => return None,
        };
        Some(Self {
            kind,
            key_id: members.kid,
        })
    }
}
