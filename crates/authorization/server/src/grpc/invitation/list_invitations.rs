//! `ListInvitations`.

use bailiwick_authorization_core::{email_key, invitation::After};
use bailiwick_types::method::authorization::ListInvitations;

use super::shown;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListInvitations, pb::ListInvitationsRequest>,
) -> Result<pb::ListInvitationsResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let (account, size) = fields.finish(account.zip(size))?;
    let key = (!message.email.is_empty()).then(|| email_key(&message.email));
    let list = [
        "ListInvitations",
        &message.account,
        key.as_deref().unwrap_or_default(),
    ];
    let paging = Paging::<After>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot
        .invitations(key.as_deref(), paging.page.after, paging.limit())
        .await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, |last| (last.created_at, last.id.uuid()));
    Ok(pb::ListInvitationsResponse {
        invitations: rows.into_iter().map(|row| shown(api, row)).collect(),
        next_page_token,
    })
}
