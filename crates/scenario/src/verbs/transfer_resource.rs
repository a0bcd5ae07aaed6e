//! `transfer_resource`: makes a user the owner of a resource.

use super::prelude::*;

arguments! { pub(super) struct TransferResource in resource {
    resource: ResourceName = need("resource"),
    to: UserName = need("to"),
} }

request! { TransferResource(self, call) = authorization.resource.transfer_resource(TransferResourceRequest {
    account: call.account_id(),
    resource: self.resource.0.clone(),
    to: call.names.subject(&self.to),
    validate_only: false,
}) }
