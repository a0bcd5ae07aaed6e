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
    let paging = Paging::<UserId>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot.members(paging.page.after, paging.limit()).await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, |last| last.user);
    let now = api.ports.clock.now();
    let present = rows.iter().filter(|member| is_live(member.expires_at, now));
    Ok(pb::ListMembersResponse {
        members: present.map(convert::member).collect(),
        next_page_token,
    })
}
