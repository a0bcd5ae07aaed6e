//! `ConsumeApproval`.

use bailiwick_authorization_core::approval::consume::Consume;
use bailiwick_types::{Refused, Subject, method::authorization::ConsumeApproval};

use super::{approval, has, question};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ConsumeApproval, pb::ConsumeApprovalRequest>,
) -> Result<pb::ConsumeApprovalResponse, Status> {
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
    let consume = Consume {
        subject,
        permission,
        on,
        digest,
    };
    let answer = api.run_in(by, account, consume).await?;
    Ok(pb::ConsumeApprovalResponse {
        approval: answer.output.map(|used| approval(api, used)),
        token: answer.token,
    })
}
