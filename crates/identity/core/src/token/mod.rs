//! What needs no caller: tokens for client credentials, and the keys that verify tokens.

pub mod get_jwks;
pub mod issue;

pub use get_jwks::get_jwks;
pub use issue::issue;
