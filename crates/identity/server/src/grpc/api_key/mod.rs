//! `ApiKeyService`.

mod create_api_key;
mod get_api_key;
mod list_api_keys;
mod revoke_api_key;
mod verify_api_key;

use bailiwick_identity_core::api_key::{self, ApiKey};
use bailiwick_proto::identity::v1::{self as pb, api_key_service_server::ApiKeyService};
use bailiwick_rpc::{IntoStatus, wire::timestamp};
use bailiwick_types::{AccountId, ApiKeyId, Subject, Target};
use tonic::Status;

use super::Api;

bailiwick_rpc::serve! {
    Api: ApiKeyService {}
    create_api_key(CreateApiKeyRequest) -> CreateApiKeyResponse;
    get_api_key(GetApiKeyRequest) -> GetApiKeyResponse;
    list_api_keys(ListApiKeysRequest) -> ListApiKeysResponse;
    revoke_api_key(RevokeApiKeyRequest) -> RevokeApiKeyResponse;
    verify_api_key(VerifyApiKeyRequest) -> VerifyApiKeyResponse;
}

/// A key of an account as the target of a call, owned by its maker.
async fn target(api: &Api, account: AccountId, id: ApiKeyId) -> Result<Target, Status> {
    let owner = api_key::owner(&api.identity, account, id).await;
    let target = Target::account(account);
    Ok(match owner.map_err(IntoStatus::into_status)? {
        Some(owner) => target.owned_by(Subject::user(owner)),
        None => target,
    })
}

/// A key as a message.
fn message(key: &ApiKey) -> pb::ApiKey {
    let permissions = key.scope.permissions.iter();
    pb::ApiKey {
        api_key: key.id().to_string(),
        title: key.title.as_str().to_owned(),
        user: key.user.to_string(),
        account: key.scope.account.to_string(),
        scope: key.scope.place.to_string(),
        permissions: permissions.map(|one| one.as_str().to_owned()).collect(),
        networks: key.scope.networks.iter().map(ToString::to_string).collect(),
        create_time: Some(timestamp(key.created)),
        expire_time: Some(timestamp(key.expires)),
        revoke_time: key.revoked.map(timestamp),
        last_use_time: key.last_used.map(timestamp),
        renewed_by: key.renewed_by.map(|id| id.to_string()).unwrap_or_default(),
    }
}
