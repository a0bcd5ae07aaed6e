//! `GetRole`.

use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::Call;
use bailiwick_types::method::authorization::GetRole;
use tonic::Status;

use super::{
    definition::{declared, definition_words},
    found, named, policy,
};
use crate::grpc::{Api, convert};

pub(super) async fn handle(
    api: &Api,
    call: Call<GetRole, pb::GetRoleRequest>,
) -> Result<pb::GetRoleResponse, Status> {
    let (account, name) = named(&call.message.account, &call.message.role)?;
    let policy = policy(api, &call, account).await?;
    let role = found(&policy, &name)?;
    let decl = declared(&policy, role).unwrap_or_default();
    Ok(pb::GetRoleResponse {
        role: Some(convert::role(role)),
        definition: Some(definition_words(&name, &decl)),
    })
}
