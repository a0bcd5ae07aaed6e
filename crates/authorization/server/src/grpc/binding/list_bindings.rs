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
    let subject = fields.optional("subject", &message.subject);
    let (account, size, filter) = fields.finish_with(|| {
        let filter = Filter {
            subject: subject?,
            scope: scope?,
        };
        Some((account?, size?, filter))
    })?;
    let list = ["ListBindings", &message.account, &message.subject, &message.scope];
    let paging = Paging::<Uuid>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot
        .bindings(&filter, paging.page.after, paging.limit())
        .await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, |last| last.id.uuid());
    let now = api.ports.clock.now();
    let live = rows
        .into_iter()
        .filter(|binding| is_live(binding.expires_at, now));
    Ok(pb::ListBindingsResponse {
        bindings: live.map(convert::binding).collect(),
        next_page_token,
    })
}
