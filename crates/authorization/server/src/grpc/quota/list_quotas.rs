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
    let subject = match message.user.as_str() {
        "" => None,
        user => fields.take("user", user.parse::<UserId>()).map(Subject::user),
    };
    let (account, size) = fields.finish(account.zip(size))?;
    let list = ["ListQuotas", &message.account, &message.user];
    let after: Option<(String, String)> = pages::decode(&list, &message.page_token).map_err(status)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let rows = snapshot
        .quotas(subject.as_ref(), after.as_ref(), size.get() + 1)
        .await;
    let key = |(subject, of, _): &(Subject, String, u64)| (subject.to_string(), of.clone());
    let (rows, next_page_token) = page_of(&list, rows.map_err(status)?, size.get(), key);
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
