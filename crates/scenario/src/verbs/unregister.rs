//! `unregister`: removes a resource.

use super::prelude::*;

arguments! { pub(super) struct Unregister in resource {
    resource: ResourceName = need("resource"),
} }

request! { Unregister(self, call) = authorization.resource.unregister_resource(UnregisterResourceRequest {
    account: call.account_id(),
    resource: self.resource.0.clone(),
    validate_only: false,
}) }
