//! Lists service accounts.

use bailiwick_identity_core::service_account;
use bailiwick_rpc::Paging;
use bailiwick_types::method::identity::ListServiceAccounts;

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListServiceAccounts, pb::ListServiceAccountsRequest>,
) -> Result<pb::ListServiceAccountsResponse, Status> {
    let mut fields = Fields::new();
    let size = fields.page_size(call.message.page_size);
    let size = fields.finish(size)?;
    let paging = Paging::new(&["ListServiceAccounts"], size, &call.message.page_token)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let (after, limit) = (paging.page.after, paging.limit());
    let accounts = service_account::list(&api.identity, &by, after, limit).await;
    let accounts = accounts.map_err(IntoStatus::into_status)?;
    let (accounts, next_page_token) = paging.cut(accounts, |account| account.id);
    Ok(pb::ListServiceAccountsResponse {
        service_accounts: accounts.iter().map(message).collect(),
        next_page_token,
    })
}
