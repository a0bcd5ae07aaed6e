//! `ListMembers`.

use bailiwick_types::{UserId, method::authorization::ListMembers};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListMembers, pb::ListMembersRequest>,
) -> Result<pb::ListMembersResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let (account, size) = fields.finish(account.zip(size))?;
    let list = ["ListMembers", &message.account];
    let after: Option<UserId> = pages::decode(&list, &message.page_token).map_err(status)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot.members(after, size.get() + 1).await.map_err(status)?;
    let (rows, next_page_token) = page_of(&list, rows, size.get(), |last| last.user);
    Ok(pb::ListMembersResponse {
        members: rows.iter().map(convert::member).collect(),
        next_page_token,
    })
}
