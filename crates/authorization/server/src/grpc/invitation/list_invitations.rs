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
    let after: Option<After> = pages::decode(&list, &message.page_token).map_err(status)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot
        .invitations(key.as_deref(), after, size.get() + 1)
        .await
        .map_err(status)?;
    let (rows, next_page_token) = page_of(&list, rows, size.get(), |last| (last.created_at, last.id.uuid()));
    Ok(pb::ListInvitationsResponse {
        invitations: rows.into_iter().map(|row| shown(api, row)).collect(),
        next_page_token,
    })
}
