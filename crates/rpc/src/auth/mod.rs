//! Who calls: access tokens of identity and the suite's own services.

mod authenticator;
mod cache;
mod error;
mod internal;
mod keys;

pub use authenticator::{AuthConfig, Authenticator};
pub use error::AuthError;
pub use internal::InternalIdentity;
pub use keys::{KeyError, KeySource, VerificationKey, VerificationKeys};
