//! `ListGroups`.

use bailiwick_types::method::authorization::ListGroups;
use uuid::Uuid;

use super::group;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListGroups, pb::ListGroupsRequest>,
) -> Result<pb::ListGroupsResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let (account, size) = fields.finish(account.zip(size))?;
    let list = ["ListGroups", &message.account];
    let paging = Paging::<Uuid>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot.groups(paging.page.after, paging.limit()).await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, |last| last.id.uuid());
    Ok(pb::ListGroupsResponse {
        groups: rows.into_iter().map(group).collect(),
        next_page_token,
    })
}
