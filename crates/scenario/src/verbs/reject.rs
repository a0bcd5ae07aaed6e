//! `reject`: rejects a request for approval.

use super::prelude::*;

arguments! { pub(super) struct Reject in request {
    request: RequestName = need("request"),
} }

request! { Reject(self, call) = authorization.approval.reject_request(RejectRequestRequest {
    account: call.account_id(),
    approval: call.names.id(&self.request),
}) }
