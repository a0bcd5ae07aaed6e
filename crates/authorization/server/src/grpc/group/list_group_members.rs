//! `ListGroupMembers`.

use bailiwick_types::{GroupId, Refused, method::authorization::ListGroupMembers};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListGroupMembers, pb::ListGroupMembersRequest>,
) -> Result<pb::ListGroupMembersResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let id: Option<GroupId> = fields.take("group", message.group.parse());
    let size = fields.page_size(message.page_size);
    let (account, id, size) = fields.finish_with(|| Some((account?, id?, size?)))?;
    let list = ["ListGroupMembers", &message.account, &message.group];
    let paging = Paging::<String>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let found = snapshot.group(id).await.map_err(status)?;
    found.ok_or_else(|| status(Refused::NotFound("group")))?;
    let after = paging.page.after.as_deref();
    let rows = snapshot.group_members(id, after, paging.limit()).await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, ToString::to_string);
    Ok(pb::ListGroupMembersResponse {
        members: rows.iter().map(ToString::to_string).collect(),
        next_page_token,
    })
}
