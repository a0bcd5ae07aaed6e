//! Deletes a service account.

use std::sync::Arc;

use bailiwick_identity_core::service_account;
use bailiwick_types::{Subject, method::identity::DeleteServiceAccount};

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteServiceAccount, pb::DeleteServiceAccountRequest>,
) -> Result<pb::DeleteServiceAccountResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required("service_account", &call.message.service_account);
    let id = fields.finish(id)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let delete = api.write(|identity| async move {
        let token = service_account::delete(&identity, &by, id).await?;
        authenticator.forget_subject(&Subject::service(id));
        Ok::<_, service_account::delete::Error>(token)
    });
    let token = delete.await?;
    Ok(pb::DeleteServiceAccountResponse {
        token: token::answer(&token),
    })
}
