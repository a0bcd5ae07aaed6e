//! `assign`: gives a role to a user or group.

use super::prelude::*;

arguments! {
/// A role of a user or group on a scope.
pub(crate) struct Binding in on {
    pub(crate) holder: Holder = need("user"),
    pub(crate) role: String = need("role"),
    pub(crate) on: Scope = need("on"),
    /// Parameters of the conditions of the role.
    pub(crate) with: Option<Json> = get("with"),
    pub(crate) expires: Option<OffsetDateTime> = get("expires"),
    /// Tells bindings of the same role apart.
    pub(crate) key: Option<String> = get("key"),
    pub(crate) replace: Option<bool> = get("replace"),
} }

arguments! { pub(crate) struct Assign(pub(crate) Binding) }

request! { Assign(self, call) = authorization.binding.assign_role(AssignRoleRequest {
    account: call.account_id(),
    subject: call.names.holder(&self.0.holder),
    role: self.0.role.clone(),
    scope: call.names.scope(&self.0.on),
    parameters: self.0.with.as_ref().map(|values| call.names.values(values)),
    expire_time: self.0.expires.map(timestamp),
    validate_only: false,
    key: self.0.key.clone().unwrap_or_default(),
    replace: self.0.replace.unwrap_or_default(),
}) }
