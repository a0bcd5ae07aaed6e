//! Reads an API key.

use bailiwick_identity_core::api_key;
use bailiwick_types::method::identity::GetApiKey;

use super::{Api, message, target};
use crate::grpc::prelude::{Call, Fields, IntoStatus, Status, pb};

pub(super) async fn handle(
    api: &Api,
    call: Call<GetApiKey, pb::GetApiKeyRequest>,
) -> Result<pb::GetApiKeyResponse, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&call.message.account);
    let id = fields.required("api_key", &call.message.api_key);
    let (account, id) = fields.finish(account.zip(id))?;
    let target = target(api, account, id).await?;
    let by = api.guard.authorize(&call, &target).await?;
    let key = api_key::get(&api.identity, &by, id).await;
    let key = key.map_err(IntoStatus::into_status)?;
    Ok(pb::GetApiKeyResponse {
        api_key: Some(message(&key)),
    })
}
