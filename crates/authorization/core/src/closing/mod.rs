//! Ends access before its owner makes the change: all of a scope or of a user, or what an operator may do.

pub mod operator;
pub mod scope;
pub mod user;
