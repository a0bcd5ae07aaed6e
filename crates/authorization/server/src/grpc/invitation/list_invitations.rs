//! `ListInvitations`.

use bailiwick_authorization_core::invitation::After;
use bailiwick_types::{EmailKey, method::authorization::ListInvitations};

use super::{email, shown};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListInvitations, pb::ListInvitationsRequest>,
) -> Result<pb::ListInvitationsResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let email = match message.email.as_str() {
        "" => Some(None),
        text => email(&mut fields, "email", text).map(Some),
    };
    let (account, size, email) = fields.finish_with(|| Some((account?, size?, email?)))?;
    let key = email.map(|email| email.key());
    let list = [
        "ListInvitations",
        &message.account,
        key.as_ref().map(EmailKey::as_str).unwrap_or_default(),
    ];
    let paging = Paging::<After>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot
        .invitations(key.as_ref(), paging.page.after, paging.limit())
        .await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, |last| (last.created_at, last.id.uuid()));
    Ok(pb::ListInvitationsResponse {
        invitations: rows.into_iter().map(|row| shown(api, row)).collect(),
        next_page_token,
    })
}
