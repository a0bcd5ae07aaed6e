//! `ListMembers`.

use bailiwick_types::{Email, EmailKey, UserId, method::authorization::ListMembers};

use super::with_emails;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListMembers, pb::ListMembersRequest>,
) -> Result<pb::ListMembersResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let email = match message.email.as_str() {
        "" => Some(None),
        text => fields.take("email", text.trim().parse::<Email>()).map(Some),
    };
    let (account, size, email) = fields.finish_with(|| Some((account?, size?, email?)))?;
    let key = email.map(|email| email.key());
    let text = key.as_ref().map(EmailKey::as_str).unwrap_or_default();
    let list = ["ListMembers", &message.account, text];
    let paging = Paging::<UserId>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let (mut rows, next_page_token) = match &key {
        None => {
            let rows = snapshot.members(paging.page.after, paging.limit()).await;
            paging.cut(rows.map_err(status)?, |last| last.user)
        }
        // At most one user has an address at a time, so the result is never paged.
        Some(key) => {
            let mut rows = Vec::new();
            for user in snapshot.members_with(key).await.map_err(status)? {
                rows.extend(snapshot.member(user).await.map_err(status)?);
            }
            (rows, String::new())
        }
    };
    let now = api.ports.clock.now();
    rows.retain(|member| is_live(member.expires_at, now));
    Ok(pb::ListMembersResponse {
        members: with_emails(&*snapshot, &rows).await?,
        next_page_token,
    })
}
