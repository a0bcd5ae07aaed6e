//! Why credentials are rejected.

use bailiwick_types::faults;

faults! {
    /// Why credentials are rejected. The exact cause is never sent to the caller.
    #[derive(Clone, PartialEq, Eq)]
    AuthError;
    /// Invalid, expired, revoked, or issued for another audience.
    Invalid "credentials are invalid, expired or revoked" => Unauthenticated CredentialsInvalid;
    /// The signing keys, or what was revoked, are temporarily unavailable.
    Unavailable "credentials cannot be verified: identity is temporarily unavailable"
        => Unavailable DependencyUnavailable, retry 250;
    /// An internal error.
    Internal(String) "{0}" => Internal Internal;
}
