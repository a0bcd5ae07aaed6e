//! Ends an API key.

use std::sync::Arc;

use bailiwick_identity_core::api_key;
use bailiwick_types::{ApiKeyId, method::identity::RevokeApiKey};

use super::{Api, message, target};
use crate::grpc::prelude::{Call, Fields, Status, pb, token};

pub(super) async fn handle(
    api: &Api,
    call: Call<RevokeApiKey, pb::RevokeApiKeyRequest>,
) -> Result<pb::RevokeApiKeyResponse, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&call.message.account);
    let id = fields.required::<ApiKeyId>("api_key", &call.message.api_key);
    let (account, id) = fields.finish(account.zip(id))?;
    let target = target(api, account, id).await?;
    let by = api.guard.authorize(&call, &target).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let revoke = api.write(|identity| async move {
        let done = api_key::revoke(&identity, &by, id).await?;
        authenticator.forget_key(id);
        Ok::<_, api_key::revoke::Error>(done)
    });
    let (key, token) = revoke.await?;
    Ok(pb::RevokeApiKeyResponse {
        api_key: Some(message(&key)),
        token: token::answer(&token),
    })
}
