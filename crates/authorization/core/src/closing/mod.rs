//! Ends all access: of a scope, of a user.

pub mod scope;
pub mod user;
