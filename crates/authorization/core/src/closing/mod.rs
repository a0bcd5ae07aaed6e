//! Ends access before its owner makes the change: all of a scope, of a user or of a service account, or what
//! an operator may do.

pub mod operator;
pub mod scope;
pub mod service_account;
pub mod user;

/// The action under which the audit log shows what no call asked for.
const RECONCILE: &str = "reconcile";
