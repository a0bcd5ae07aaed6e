//! Lists service accounts.

use bailiwick_identity_core::service_account;
use bailiwick_proto::identity::v1 as pb;
use bailiwick_rpc::{Call, Fields, IntoStatus, Paging, Target};
use bailiwick_types::method::identity::ListServiceAccounts;
use tonic::{Request, Response, Status};

use super::{Handlers, message};

pub(super) async fn list_service_accounts(
    handlers: &Handlers,
    request: Request<pb::ListServiceAccountsRequest>,
) -> Result<Response<pb::ListServiceAccountsResponse>, Status> {
    let call = Call::<ListServiceAccounts, _>::new(request)?;
    let mut fields = Fields::new();
    let size = fields.page_size(call.message.page_size);
    let size = fields.finish(size)?;
    let paging = Paging::new(&["ListServiceAccounts"], size, &call.message.page_token)?;
    let by = handlers.guard.authorize(&call, &Target::none()).await?;
    let (after, limit) = (paging.page.after, paging.limit());
    let accounts = service_account::list(&handlers.identity, &by, after, limit).await;
    let accounts = accounts.map_err(IntoStatus::into_status)?;
    let (accounts, next_page_token) = paging.cut(accounts, |account| account.id);
    Ok(Response::new(pb::ListServiceAccountsResponse {
        service_accounts: accounts.iter().map(message).collect(),
        next_page_token,
    }))
}
