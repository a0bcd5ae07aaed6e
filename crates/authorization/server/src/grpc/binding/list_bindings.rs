//! `ListBindings`.

use bailiwick_authorization_core::binding::Filter;
use bailiwick_types::method::authorization::ListBindings;
use uuid::Uuid;

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListBindings, pb::ListBindingsRequest>,
) -> Result<pb::ListBindingsResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let scope = fields.optional_scope("scope", &message.scope, account);
    let subject = match message.subject.as_str() {
        "" => None,
        subject => fields.take("subject", subject.parse()),
    };
    let (account, size, filter) = fields.finish_with(|| {
        let filter = Filter {
            subject,
            scope: scope?,
        };
        Some((account?, size?.get(), filter))
    })?;
    let at = text(filter.scope.as_ref());
    let list = ["ListBindings", &message.account, &message.subject, &at];
    let after: Option<Uuid> = pages::decode(&list, &message.page_token).map_err(status)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot
        .bindings(&filter, after, size + 1)
        .await
        .map_err(status)?;
    let (rows, next_page_token) = page_of(&list, rows, size, |last| last.id.uuid());
    Ok(pb::ListBindingsResponse {
        bindings: rows.into_iter().map(convert::binding).collect(),
        next_page_token,
    })
}
