//! `ListResourcesInScope`.

use bailiwick_types::method::authorization::ListResourcesInScope;

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListResourcesInScope, pb::ListResourcesInScopeRequest>,
) -> Result<pb::ListResourcesInScopeResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let scope = fields.optional_scope("scope", &message.scope, account);
    let of = fields.text("type", &message.r#type, 63);
    let (account, size, scope, of) = fields.finish_with(|| Some((account?, size?.get(), scope?, of?)))?;
    let at = text(scope.as_ref());
    let list = ["ListResourcesInScope", &message.account, &of, &at];
    let mut after: Option<String> = pages::decode(&list, &message.page_token).map_err(status)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let mut shown = Vec::new();
    let mut more = true;
    // Rows that the caller may not view are left out, so that it takes several reads to fill a page.
    while more && (shown.len() as u64) < size {
        // No snapshot is held while rights are asked for.
        let snapshot = api.snapshot(&by).await?;
        let rows = snapshot
            .resources(&of, scope.as_ref(), after.as_deref(), size + 1)
            .await;
        drop(snapshot);
        let (rows, further) = page(rows.map_err(status)?, size);
        more = further;
        let targets: Vec<String> = rows.iter().map(|row| row.name.to_string()).collect();
        let visible = api
            .guard
            .filter_resources(&call.context, account, &of, &targets)
            .await?;
        for (row, visible) in rows.into_iter().zip(visible) {
            if shown.len() as u64 == size {
                more = true;
                break;
            }
            after = Some(row.name.id.clone());
            if visible {
                shown.push(row);
            }
        }
    }
    let next = after.filter(|_| more).map(|after| pages::encode(&list, &after));
    Ok(pb::ListResourcesInScopeResponse {
        resources: shown.into_iter().map(convert::resource).collect(),
        next_page_token: next.unwrap_or_default(),
    })
}
