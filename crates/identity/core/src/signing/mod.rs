//! Access tokens: Ed25519 keys, how they are kept, and the JWTs that they sign (RFC 7519, RFC 8037).

mod claims;
mod key;
mod ring;
mod seal;

pub use claims::{AccessClaims, AccessToken, Issuer, MintError};
pub use key::{SigningKey, StoredKey};
pub use ring::{KeyRing, KeyTimes, Keys, KeysError};
pub use seal::{KeySeal, SealError};
