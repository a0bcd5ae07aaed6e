//! `ListWorkspaces`.

use bailiwick_tenancy_core::place::list;
use bailiwick_types::method::tenancy::ListWorkspaces;

use super::parent;
use crate::grpc::list::{ListFields, list_status};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListWorkspaces, pb::ListWorkspacesRequest>,
) -> Result<pb::ListWorkspacesResponse, Status> {
    let (call, message) = call.split();
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let parent = parent(&mut fields, account, &message.parent);
    let list = ListFields {
        order_by: &message.order_by,
        search: &message.search,
        page_size: message.page_size,
        page_token: &message.page_token,
    };
    let parameters = [call.context.method.path, &message.account, &message.parent];
    let (account, listing) = list.finish(fields, &parameters, account)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    if api.guard.is_stranger(&call.context, account).await? {
        return Ok(pb::ListWorkspacesResponse::default());
    }
    let viewer = api.viewer(&call.context, Some(account));
    let page = list::run(
        &api.tenancy,
        &by,
        &viewer,
        parent,
        &listing.query,
        &listing.paging.page,
    )
    .await
    .map_err(list_status)?;
    Ok(pb::ListWorkspacesResponse {
        next_page_token: listing.paging.next_token(page.next.as_ref()),
        workspaces: page.rows.into_iter().map(answer::workspace).collect(),
    })
}
