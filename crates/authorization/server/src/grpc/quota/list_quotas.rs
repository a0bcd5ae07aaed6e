//! `ListQuotas`.

use bailiwick_types::{Subject, UserId, method::authorization::ListQuotas};

use super::quota;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListQuotas, pb::ListQuotasRequest>,
) -> Result<pb::ListQuotasResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let user = fields.optional::<UserId>("user", &message.user);
    let (account, size, user) = fields.finish_with(|| Some((account?, size?, user?)))?;
    let subject = user.map(Subject::user);
    let list = ["ListQuotas", &message.account, &message.user];
    let paging = Paging::<(String, String)>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot
        .quotas(subject.as_ref(), paging.page.after.as_ref(), paging.limit())
        .await;
    let key = |(subject, of, _): &(Subject, String, u64)| (subject.to_string(), of.clone());
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, key);
    let mut quotas = Vec::with_capacity(rows.len());
    for (subject, of, limit) in &rows {
        let used = snapshot.owned(subject, of).await.map_err(status)?;
        quotas.push(quota((account, subject.id()), of, Some(*limit), used));
    }
    Ok(pb::ListQuotasResponse {
        quotas,
        next_page_token,
    })
}
