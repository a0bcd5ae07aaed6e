//! `ListAuditEntries`.

use bailiwick_rpc::Paging;
use bailiwick_tenancy_core::audit::list;
use bailiwick_types::method::tenancy::ListAuditEntries;

use super::{FilterFields, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListAuditEntries, pb::ListAuditEntriesRequest>,
) -> Result<pb::ListAuditEntriesResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let filter = FilterFields {
        actor: &request.actor,
        target: &request.target,
        action: &request.action,
        start: request.start_time.as_ref(),
        end: request.end_time.as_ref(),
    };
    let filter = filter.read(&mut fields);
    let time =
        |time: Option<bailiwick_types::Timestamp>| time.map(|time| time.0.to_string()).unwrap_or_default();
    let parameters = [
        call.context.method.path,
        &request.account,
        &request.actor,
        &request.target,
        &request.action,
        &time(filter.start),
        &time(filter.end),
    ];
    let size = fields.page_size(request.page_size);
    let (account, size) = fields.finish_with(|| Some((account?, size?)))?;
    let paging = Paging::new(&parameters, size, &request.page_token)?;
    let by = api.authorize(&call, &Target::account(account)).await?;
    let page = list::run(&*api.audit.log, &by, &filter, &paging.page)
        .await
        .map_err(IntoStatus::into_status)?;
    Ok(pb::ListAuditEntriesResponse {
        next_page_token: paging.next_token(page.next.as_ref()),
        entries: page.entries.into_iter().map(message).collect(),
    })
}
