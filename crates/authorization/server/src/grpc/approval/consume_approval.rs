//! `ConsumeApproval`.

use bailiwick_authorization_core::approval::consume::Consume;
use bailiwick_types::{Subject, method::authorization::ConsumeApproval};

use super::{approval, question};
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
    let subject: Option<Subject> = match message.subject.as_str() {
        "" => call.context.caller.subject().cloned(),
        text => fields.take("subject", text.parse()),
    };
    let ((account, permission, on, digest), subject) = fields.finish(question.zip(subject))?;
    let target = Target::account(account).owned_by(subject.clone());
    let by = api.authorize(&call, &[&subject], &target).await?;
    let consume = Consume {
        subject,
        permission,
        on,
        digest,
        attributes: message
            .attributes
            .clone()
            .map(convert::map_of)
            .unwrap_or_default(),
    };
    let answer = api.run(by, consume).await?;
    Ok(pb::ConsumeApprovalResponse {
        approval: answer.output.map(|used| approval(api, used)),
        token: answer.token,
    })
}
