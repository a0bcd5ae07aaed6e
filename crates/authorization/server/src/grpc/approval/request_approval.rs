//! `RequestApproval`.

use bailiwick_authorization_core::approval::request;
use bailiwick_types::method::authorization::RequestApproval;

use super::{approval, question};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RequestApproval, pb::RequestApprovalRequest>,
) -> Result<pb::RequestApprovalResponse, Status> {
    let (call, message) = call.split();
    let mut fields = Fields::new();
    let question = question(
        &mut fields,
        &message.account,
        &message.permission,
        &message.target,
        &message.digest,
    );
    let (account, permission, on, digest) = fields.finish(question)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let request = request::Request {
        permission,
        on,
        digest,
        attributes: message.attributes.map(convert::map_of).unwrap_or_default(),
    };
    let answer = api.run(by, request).await?;
    Ok(pb::RequestApprovalResponse {
        approval: Some(approval(api, answer.output)),
        token: answer.token,
    })
}
