//! `ListPermissions`: what a subject holds on a target.

use bailiwick_authorization_engine::TargetText;
use bailiwick_types::{Subject, method::authorization::ListPermissions};

use super::{Queries, ask};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListPermissions, pb::ListPermissionsRequest>,
) -> Result<pb::ListPermissionsResponse, Status> {
    let asked = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&asked.account);
    let subject = fields.take("subject", asked.subject.parse::<Subject>());
    let target = fields.take("target", TargetText::parse(&asked.target));
    let (account, subject, target) = fields.finish_with(|| Some((account?, subject?, target?)))?;
    let (replica, near) = (&queries.replica, &queries.near);
    let asking = ask::read(replica, near, &call, account, asked.consistency.as_ref()).await?;
    let made = replica.permissions(&asking.read, &subject, target).await;
    let made = ask::with_right(near, &call, &asking, made.map(Ok), ask::alone).await?;
    let (permissions, needing_approval) = made;
    Ok(pb::ListPermissionsResponse {
        permissions,
        needing_approval,
    })
}
