//! `ListGrants`.

use bailiwick_authorization_core::{On, grant::Filter};
use bailiwick_types::method::authorization::ListGrants;
use uuid::Uuid;

use super::{grant, on};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListGrants, pb::ListGrantsRequest>,
) -> Result<pb::ListGrantsResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let mut filter = Filter {
        subject: fields.optional("subject", &message.subject).flatten(),
        ..Filter::default()
    };
    if !message.target.is_empty() {
        match on(&mut fields, "target", &message.target, account) {
            Some(On::Scope(scope)) => filter.scope = Some(scope),
            Some(On::Resource(name)) => filter.resource = Some(name),
            None => {}
        }
    }
    let (account, size) = fields.finish(account.zip(size))?;
    let list = ["ListGrants", &message.account, &message.subject, &message.target];
    let paging = Paging::<Uuid>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot.grants(&filter, paging.page.after, paging.limit()).await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, |last| last.id.uuid());
    let now = api.ports.clock.now();
    let live = rows.into_iter().filter(|grant| is_live(grant.expires_at, now));
    Ok(pb::ListGrantsResponse {
        grants: live.map(grant).collect(),
        next_page_token,
    })
}
