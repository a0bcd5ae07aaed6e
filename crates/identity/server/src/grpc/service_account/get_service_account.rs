//! Reads a service account.

use bailiwick_identity_core::service_account;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, IntoStatus, Target};
use bailiwick_types::method::identity::GetServiceAccount;
use tonic::{Request, Response, Status};

use super::{Handlers, message};

pub(super) async fn get_service_account(
    handlers: &Handlers,
    request: Request<pb::GetServiceAccountRequest>,
) -> Result<Response<pb::GetServiceAccountResponse>, Status> {
    let call = Call::<GetServiceAccount, _>::new(request)?;
    let mut fields = Fields::new();
    let id = fields.required("service_account", &call.message.service_account);
    let id = fields.finish(id)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let account = service_account::get(&handlers.identity, &by, id).await;
    let account = account.map_err(IntoStatus::into_status)?;
    Ok(Response::new(pb::GetServiceAccountResponse {
        service_account: Some(message(&account)),
    }))
}
