//! `define_role`: creates a role of an account.

use super::prelude::*;

arguments! { pub(super) struct DefineRole in account {
    account: AccountName = need("account"),
    role: authorization::RoleDefinition = need("role"),
} }

request! { DefineRole(self, call) = authorization.role.create_role(CreateRoleRequest {
    account: call.account_id(),
    role: Some(self.role.clone()),
}) }
