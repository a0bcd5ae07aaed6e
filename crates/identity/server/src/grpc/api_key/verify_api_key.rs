//! Tells another service whose an API key is.

use bailiwick_identity_core::{
    api_key::{self, verify::Command},
    secret::Digest,
};
use bailiwick_types::method::identity::VerifyApiKey;

use super::{Api, message};
use crate::grpc::prelude::{Call, Fields, Status, Target, pb};

pub(super) async fn handle(
    api: &Api,
    call: Call<VerifyApiKey, pb::VerifyApiKeyRequest>,
) -> Result<pb::VerifyApiKeyResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("api_key", &call.message.api_key);
    let digest: Result<[u8; 32], _> = call.message.digest.as_slice().try_into();
    let digest = fields.take("digest", digest.map_err(|_| "must be the SHA-256 of the key"));
    let command = fields.finish_with(|| {
        Some(Command {
            id: id?,
            digest: Digest::from_bytes(digest?),
        })
    })?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let verify = api.write(|identity| async move { api_key::verify(&identity, &by, &command).await });
    let told = verify.await?;
    Ok(pb::VerifyApiKeyResponse {
        api_key: told.as_ref().map(message),
    })
}
