//! `set_quota`: sets how many resources of a type a member may have.

use super::prelude::*;

arguments! { pub(super) struct SetQuota {
    user: UserName = need("user"),
    type_name: String = need("type"),
    limit: u32 = need("limit"),
} }

request! { SetQuota(self, call) = authorization.quota.set_quota(SetQuotaRequest {
    account: call.account_id(),
    user: call.names.user_id(&self.user),
    r#type: self.type_name.clone(),
    limit: Some(self.limit),
}) }
