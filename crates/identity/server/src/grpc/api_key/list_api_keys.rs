//! Lists the API keys of an account.

use bailiwick_identity_core::api_key::{self, ApiKey, list::Command};
use bailiwick_rpc::Paging;
use bailiwick_types::{ApiKeyId, UserId, method::identity::ListApiKeys};

use super::{Api, message};
use crate::grpc::prelude::{Call, Fields, IntoStatus, Status, pb};

pub(super) async fn handle(
    api: &Api,
    call: Call<ListApiKeys, pb::ListApiKeysRequest>,
) -> Result<pb::ListApiKeysResponse, Status> {
    let request = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let user = fields.optional::<UserId>("user", &request.user);
    let size = fields.page_size(request.page_size);
    let (account, user, size) = fields.finish_with(|| Some((account?, user?, size?)))?;
    let list = ["ListApiKeys", &request.account, &request.user];
    let paging = Paging::<ApiKeyId>::new(&list, size, &request.page_token)?;
    let (by, rows) = api.guard.authorize_rows(&call, account).await?;
    let command = Command {
        rows,
        user,
        after: paging.page.after,
        limit: paging.limit(),
    };
    let keys = api_key::list(&api.identity, &by, &command).await;
    let keys = keys.map_err(IntoStatus::into_status)?;
    let (keys, next_page_token) = paging.cut(keys, ApiKey::id);
    Ok(pb::ListApiKeysResponse {
        api_keys: keys.iter().map(message).collect(),
        next_page_token,
    })
}
