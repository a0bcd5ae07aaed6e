//! Tokens for programs: issued for client credentials, introspected, revoked; and the keys that verify
//! tokens.

pub mod get_jwks;
pub mod introspect;
pub mod issue;
pub mod revoke;

pub use get_jwks::get_jwks;
pub use introspect::{introspect, introspect_as_client};
pub use issue::issue;
pub use revoke::revoke;
