//! `GetQuota`.

use bailiwick_types::{Subject, method::authorization::GetQuota};

use super::{named, quota};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetQuota, pb::GetQuotaRequest>,
) -> Result<pb::GetQuotaResponse, Status> {
    let message = &call.message;
    let (account, user, of) = named(&message.account, &message.user, &message.r#type)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let subject = Subject::user(user);
    let limit = snapshot.quota(&subject, &of).await.map_err(status)?;
    let used = snapshot.owned(&subject, &of).await.map_err(status)?;
    Ok(pb::GetQuotaResponse {
        quota: Some(quota((account, &message.user), &of, limit, used)),
    })
}
