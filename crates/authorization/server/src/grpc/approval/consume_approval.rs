//! `ConsumeApproval`.

use bailiwick_authorization_core::{approval::consume::Consume, operation};
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Call, Fields, Target};
use bailiwick_types::{Refused, Subject, method::authorization::ConsumeApproval};
use tonic::{Request, Status};

use super::{approval, has, question};
use crate::grpc::{Api, encoded, status};

pub(super) async fn handle(
    api: &Api,
    request: Request<pb::ConsumeApprovalRequest>,
) -> Result<pb::ConsumeApprovalResponse, Status> {
    let call = Call::<ConsumeApproval, _>::new(request)?;
    let message = &call.message;
    let mut fields = Fields::new();
    let question = question(
        &mut fields,
        &message.account,
        &message.permission,
        &message.target,
        &message.digest,
    );
    let caller = call.context.caller.subject();
    let subject: Option<Subject> = match message.subject.as_str() {
        "" => caller.cloned(),
        text => fields.take("subject", text.parse()),
    };
    let ((account, permission, on, digest), subject) = fields.finish(question.zip(subject))?;
    api.wait(&call.context, account, &[&subject]).await?;
    // Approvals of another subject are not a matter of the caller itself: its rights are asked below.
    let own = caller == Some(&subject);
    let target = if own {
        Target::account(account)
    } else {
        Target::none()
    };
    let by = api.guard.authorize(&call, &target).await?;
    if !own && !has(api, &call.context, account, "decision.check").await? {
        return Err(status(Refused::Denied));
    }
    let write = by.writes(account).ok_or_else(|| status(Refused::Denied))?;
    let consume = Consume {
        subject,
        permission,
        on,
        digest,
    };
    let ports = api.ports.clone();
    let run = async move {
        operation::run_in(&ports, &by, write, consume)
            .await
            .map_err(status)
    };
    let (used, token) = api.tasks.run(run).await?;
    Ok(pb::ConsumeApprovalResponse {
        approval: used.map(|used| approval(api, used)),
        token: encoded(&token),
    })
}
