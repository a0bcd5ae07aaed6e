//! `consume_approval`: consumes an approval.

use super::prelude::*;

arguments! { pub(super) struct ConsumeApproval in on {
    permission: String = need("permission"),
    on: Target = need("on"),
    digest: String = get("digest").unwrap_or_default(),
    attributes: Option<Json> = get("attributes"),
} }

request! { ConsumeApproval(self, call) = authorization.approval.consume_approval(ConsumeApprovalRequest {
    account: call.account_id(),
    permission: self.permission.clone(),
    target: call.names.target(&self.on),
    digest: self.digest.clone(),
    subject: String::new(),
    attributes: self.attributes.as_ref().map(|values| call.names.values(values)),
}) }
