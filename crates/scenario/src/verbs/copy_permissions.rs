//! `copy_permissions`: copies permissions on types from a user to another.

use super::prelude::*;

arguments! { pub(super) struct CopyPermissions {
    from: UserName = need("from"),
    to: UserName = need("to"),
    kinds: Vec<String> = need("kinds"),
} }

request! { CopyPermissions(self, call) = authorization.binding.copy_permissions(CopyPermissionsRequest {
    account: call.account_id(),
    from: call.names.subject(&self.from),
    to: call.names.subject(&self.to),
    kinds: self.kinds.clone(),
    validate_only: false,
}) }
