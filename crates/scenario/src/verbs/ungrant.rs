//! `ungrant`: takes permissions from all grants of a user or group on a target.

use super::{grant::Grant, prelude::*};

arguments! { pub(super) struct Ungrant(Grant) }

// Parameters and expiry do not select anything.
request! { Ungrant(self, call) = authorization.grant.delete_grant(DeleteGrantRequest {
    account: call.account_id(),
    grant: String::new(),
    subject: call.names.holder(&self.0.holder),
    permissions: self.0.permissions.clone(),
    target: Some(self.0.target(call.names)),
    validate_only: false,
}) }
