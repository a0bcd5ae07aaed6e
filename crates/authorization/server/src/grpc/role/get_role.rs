//! `GetRole`.

use bailiwick_proto::authorization::v1 as pb;
use bailiwick_rpc::Call;
use bailiwick_types::method::authorization::GetRole;
use tonic::{Request, Status};

use super::{
    definition::{declared, definition_words},
    found, named, policy,
};
use crate::grpc::{Api, convert};

pub(super) async fn handle(
    api: &Api,
    request: Request<pb::GetRoleRequest>,
) -> Result<pb::GetRoleResponse, Status> {
    let call = Call::<GetRole, _>::new(request)?;
    let (account, name) = named(&call.message.account, &call.message.role)?;
    let policy = policy(api, &call, account).await?;
    let role = found(&policy, &name)?;
    let decl = declared(&policy, role).unwrap_or_default();
    Ok(pb::GetRoleResponse {
        role: Some(convert::role(role)),
        definition: Some(definition_words(&name, &decl)),
    })
}
