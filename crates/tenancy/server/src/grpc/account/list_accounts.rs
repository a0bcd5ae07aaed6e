//! `ListAccounts`.

use bailiwick_tenancy_core::account::list;
use bailiwick_types::{CallerKind, method::tenancy::ListAccounts};

use crate::grpc::list::{ListFields, list_status};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListAccounts, pb::ListAccountsRequest>,
) -> Result<pb::ListAccountsResponse, Status> {
    let (call, message) = call.split();
    let mut fields = Fields::new();
    let product = fields.optional("product", &message.product);
    let list = ListFields {
        order_by: &message.order_by,
        search: &message.search,
        page_size: message.page_size,
        page_token: &message.page_token,
    };
    let parameters = [call.context.method.path, &message.product];
    let (product, listing) = list.finish(fields, &parameters, product)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let caller = &call.context.caller;
    let own = caller.account().filter(|_| caller.kind() != CallerKind::Service);
    let viewer = api.viewer(&call.context, own);
    let page = list::run(
        &api.tenancy,
        &by,
        &viewer,
        product,
        &listing.query,
        &listing.paging.page,
    )
    .await
    .map_err(list_status)?;
    Ok(pb::ListAccountsResponse {
        next_page_token: listing.paging.next_token(page.next.as_ref()),
        accounts: page.rows.into_iter().map(answer::account).collect(),
    })
}
