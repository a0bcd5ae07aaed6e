//! `RejectRequest`.

use bailiwick_authorization_core::approval::reject::Reject;
use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::{Call, Target};
use bailiwick_types::method::authorization::RejectRequest;
use tonic::{Request, Status};

use super::{approval, named};
use crate::grpc::Api;

pub(super) async fn handle(
    api: &Api,
    request: Request<pb::RejectRequestRequest>,
) -> Result<pb::RejectRequestResponse, Status> {
    let call = Call::<RejectRequest, _>::new(request)?;
    let (account, id) = named(&call.message.account, &call.message.approval)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, Reject { approval: id }).await?;
    Ok(pb::RejectRequestResponse {
        approval: Some(approval(api, answer.output)),
        token: answer.token,
    })
}
