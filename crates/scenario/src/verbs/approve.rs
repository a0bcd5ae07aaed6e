//! `approve`: approves a request for approval.

use super::prelude::*;

arguments! { pub(super) struct Approve in request {
    request: RequestName = need("request"),
} }

request! { Approve(self, call) = authorization.approval.approve_request(ApproveRequestRequest {
    account: call.account_id(),
    approval: call.names.id(&self.request),
}) }
