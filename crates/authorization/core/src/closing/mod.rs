//! What ends all access: of a scope, of a user.

pub mod export;
pub mod scope;
pub mod user;
