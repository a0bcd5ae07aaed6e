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
    let (account, size, scope, of) = fields.finish_with(|| Some((account?, size?, scope?, of?)))?;
    let list = ["ListResourcesInScope", &message.account, &of, &message.scope];
    let paging = Paging::<String>::new(&list, size, &message.page_token)?;
    let mut after = paging.page.after.clone();
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    if api.guard.is_stranger(&call.context, account).await? {
        return Ok(pb::ListResourcesInScopeResponse::default());
    }
    let mut shown = Vec::new();
    let mut more = true;
    // Rows that the caller may not view are left out, so that it takes several reads to fill a page.
    while more && shown.len() < size.rows() {
        // No snapshot is held while rights are asked for.
        let snapshot = api.snapshot(&by).await?;
        let rows = snapshot
            .resources(&of, scope.as_ref(), after.as_deref(), paging.limit())
            .await;
        drop(snapshot);
        let mut rows = rows.map_err(status)?;
        more = rows.len() > size.rows();
        rows.truncate(size.rows());
        let targets: Vec<String> = rows.iter().map(|row| row.name.to_string()).collect();
        let visible = api
            .guard
            .filter_resources(&call.context, account, &of, &targets)
            .await?;
        for (row, visible) in rows.into_iter().zip(visible) {
            if shown.len() == size.rows() {
                more = true;
                break;
            }
            after = Some(row.name.id.clone());
            if visible {
                shown.push(row);
            }
        }
    }
    Ok(pb::ListResourcesInScopeResponse {
        resources: shown.into_iter().map(convert::resource).collect(),
        next_page_token: paging.next_token(after.as_ref().filter(|_| more)),
    })
}
