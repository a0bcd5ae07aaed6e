//! Who calls: access tokens and API keys of identity, and the suite's own services.

mod api_keys;
mod authenticator;
mod cache;
mod error;
mod header;
mod internal;
mod keys;
mod service_keys;

pub use api_keys::{ApiKeys, KeyDigest, VerifiedKey};
pub use authenticator::{AuthConfig, Authenticator};
pub use error::AuthError;
pub use internal::{InternalIdentity, InternalVerifier};
pub use keys::{KeyError, KeySource, VerificationKey, VerificationKeys};
pub use service_keys::{InternalConfig, ServiceKeyError, ServiceKeyFiles, ServiceKeyPair, ServiceKeys};

/// The tolerated clock skew between machines, in seconds.
const SKEW: i64 = 60;
