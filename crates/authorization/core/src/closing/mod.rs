//! Ends all access: of a scope, of a user, of a service account.

pub mod scope;
pub mod service_account;
pub mod user;

/// The action under which the audit log shows what no call asked for.
const RECONCILE: &str = "reconcile";
