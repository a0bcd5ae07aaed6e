//! Disables a service account.

use std::sync::Arc;

use bailiwick_identity_core::service_account;
use bailiwick_types::{Subject, method::identity::DisableServiceAccount};

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DisableServiceAccount, pb::DisableServiceAccountRequest>,
) -> Result<pb::DisableServiceAccountResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("service_account", &call.message.service_account);
    let id = fields.finish(id)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let disable = api.write(|identity| async move {
        let done = service_account::disable(&identity, &by, id).await?;
        authenticator.forget_subject(&Subject::service(id));
        Ok::<_, service_account::disable::Error>(done)
    });
    let (account, token) = disable.await?;
    Ok(pb::DisableServiceAccountResponse {
        service_account: Some(message(&account)),
        token: token::answer(&token),
    })
}
