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
    let mut filter = Filter::default();
    if !message.subject.is_empty() {
        filter.subject = fields.take("subject", message.subject.parse());
    }
    if !message.target.is_empty() {
        match on(&mut fields, "target", &message.target, account) {
            Some(On::Scope(scope)) => filter.scope = Some(scope),
            Some(On::Resource(name)) => filter.resource = Some(name),
            None => {}
        }
    }
    let (account, size) = fields.finish(account.zip(size))?;
    let list = ["ListGrants", &message.account, &message.subject, &message.target];
    let after: Option<Uuid> = pages::decode(&list, &message.page_token).map_err(status)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot.grants(&filter, after, size.get() + 1).await;
    let (rows, next_page_token) = page_of(&list, rows.map_err(status)?, size.get(), |last| last.id.uuid());
    Ok(pb::ListGrantsResponse {
        grants: rows.into_iter().map(grant).collect(),
        next_page_token,
    })
}
