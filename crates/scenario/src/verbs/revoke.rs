//! `revoke`: takes a role from a user or group.

use super::{assign::Binding, prelude::*};

arguments! { pub(super) struct Revoke(Binding) }

// Without a key, all bindings of the role there go: parameters and expiry do not select anything.
request! { Revoke(self, call) = authorization.binding.revoke_role(RevokeRoleRequest {
    account: call.account_id(),
    subject: call.names.holder(&self.0.holder),
    role: self.0.role.clone(),
    scope: call.names.scope(&self.0.on),
    validate_only: false,
    key: self.0.key.clone().unwrap_or_default(),
}) }
