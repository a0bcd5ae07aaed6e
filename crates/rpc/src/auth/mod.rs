//! Who calls: access tokens of identity and the suite's own services.

mod authenticator;
mod cache;
mod claims;
mod error;
mod internal;
mod keys;

pub use authenticator::{AuthConfig, Authenticator};
pub use claims::AccessClaims;
pub use error::AuthError;
pub use internal::InternalIdentity;
pub use keys::{KeyError, KeySource, VerificationKey, VerificationKeys};
