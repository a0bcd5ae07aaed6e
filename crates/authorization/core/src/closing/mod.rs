//! Ends all access: of a scope, of a user.

pub mod scope;
pub mod user;

/// The action under which the audit log shows what no call asked for.
const RECONCILE: &str = "reconcile";
