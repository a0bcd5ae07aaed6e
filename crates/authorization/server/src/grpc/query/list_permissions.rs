//! `ListPermissions`: what a subject holds on a target.

use bailiwick_authorization_engine::TargetText;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Context, IntoStatus};
use bailiwick_types::{Subject, Violations};
use tonic::{Request, Response, Status};

use super::{Queries, ask};

impl Queries {
    pub(super) async fn permissions_of(
        &self,
        request: Request<pb::ListPermissionsRequest>,
    ) -> Result<Response<pb::ListPermissionsResponse>, Status> {
        let context = Context::of(&request)?;
        let asked = request.get_ref();
        let mut violations = Violations::new();
        let account = ask::account(&mut violations, &asked.account);
        let subject = violations.take("subject", asked.subject.parse::<Subject>());
        let target = violations.take("target", TargetText::parse(&asked.target));
        let (Some(account), Some(subject), Some(target)) = (account, subject, target) else {
            return Err(violations.into_status());
        };
        let wanted =
            ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
        let made = self
            .replica
            .permissions(account, &subject, target, &wanted, context.deadline)
            .await;
        let made = ask::with_right(&self.near, context, account, made.map(Ok), "").await?;
        let (permissions, needing_approval) = made;
        Ok(Response::new(pb::ListPermissionsResponse {
            permissions,
            needing_approval,
        }))
    }
}
