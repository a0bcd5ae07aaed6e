//! `DescribeRole`.

use bailiwick_types::method::authorization::DescribeRole;

use super::{found, named, policy};
use crate::grpc::describe;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DescribeRole, pb::DescribeRoleRequest>,
) -> Result<pb::DescribeRoleResponse, Status> {
    let (account, name) = named(&call.message.account, &call.message.role)?;
    let policy = policy(api, &call, account).await?;
    let role = found(&policy, &name)?;
    Ok(pb::DescribeRoleResponse {
        role: Some(convert::role(role)),
        levels: describe::levels(&policy, role),
    })
}
