//! `PreviewRoleChange`.

use bailiwick_authorization_core::operation;
use bailiwick_types::method::authorization::PreviewRoleChange;

use super::change_role::read;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<PreviewRoleChange, pb::PreviewRoleChangeRequest>,
) -> Result<pb::PreviewRoleChangeResponse, Status> {
    let (call, message) = call.dry_run_where(|_| true).split();
    let mut fields = Fields::new();
    let size = fields.page_size(message.page_size);
    let Some(change) = message.change else {
        fields.violate("change", "must be given");
        return fields.finish(None);
    };
    let asked = format!("{change:?}");
    let change = fields.within("change.", |fields| read(fields, change));
    let ((account, change), size) = fields.finish(change.zip(size))?;
    let list = ["PreviewRoleChange", asked.as_str()];
    let paging = Paging::<usize>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let effects = operation::preview_for(&api.ports, &by, change).await;
    let effects = effects.map_err(status)?;
    let after = paging.page.after.unwrap_or_default();
    let end = after.saturating_add(size.rows());
    let next_page_token = paging.next_token(Some(&end).filter(|end| effects.len() > **end));
    let page = effects.into_iter().skip(after).take(end - after);
    Ok(pb::PreviewRoleChangeResponse {
        changes: api.told(&by, page).await?,
        next_page_token,
    })
}
