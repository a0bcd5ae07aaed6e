//! Reads a service account.

use bailiwick_identity_core::service_account;
use bailiwick_types::method::identity::GetServiceAccount;

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetServiceAccount, pb::GetServiceAccountRequest>,
) -> Result<pb::GetServiceAccountResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("service_account", &call.message.service_account);
    let id = fields.finish(id)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let account = service_account::get(&api.identity, &by, id).await;
    let account = account.map_err(IntoStatus::into_status)?;
    Ok(pb::GetServiceAccountResponse {
        service_account: Some(message(&account)),
    })
}
