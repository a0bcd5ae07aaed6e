//! `SetQuota`.

use bailiwick_authorization_core::quota::set::Set;
use bailiwick_types::{Subject, method::authorization::SetQuota};

use super::{named, quota};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<SetQuota, pb::SetQuotaRequest>,
) -> Result<pb::SetQuotaResponse, Status> {
    let message = &call.message;
    let (account, user, of) = named(&message.account, &message.user, &message.r#type)?;
    let limit = message.limit.map(u64::from);
    let by = api
        .authorize(&call, &[&Subject::user(user)], &Target::account(account))
        .await?;
    let answer = api
        .run(
            by,
            Set {
                user,
                of: of.clone(),
                limit,
            },
        )
        .await?;
    Ok(pb::SetQuotaResponse {
        quota: Some(quota((account, &message.user), &of, limit, answer.output)),
        token: answer.token,
    })
}
