//! `ListPermissions`: what a subject holds on a target.

use bailiwick_authorization_engine::TargetText;
use bailiwick_types::{Subject, Violations, method::authorization::ListPermissions};

use super::{Queries, ask};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListPermissions, pb::ListPermissionsRequest>,
) -> Result<pb::ListPermissionsResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut violations = Violations::new();
    let account = ask::account(&mut violations, &asked.account);
    let subject = violations.take("subject", asked.subject.parse::<Subject>());
    let target = violations.take("target", TargetText::parse(&asked.target));
    let (Some(account), Some(subject), Some(target)) = (account, subject, target) else {
        return Err(violations.into_status());
    };
    let wanted = ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
    let made = queries
        .replica
        .permissions(account, &subject, target, &wanted, context.deadline)
        .await;
    let made = ask::with_right(&queries.near, &call, account, made.map(Ok), "").await?;
    let (permissions, needing_approval) = made;
    Ok(pb::ListPermissionsResponse {
        permissions,
        needing_approval,
    })
}
