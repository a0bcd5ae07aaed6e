//! `CreateRole`.

use bailiwick_authorization_core::role::create::Create;
use bailiwick_types::method::authorization::CreateRole;

use super::{definition::definition, role_of};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateRole, pb::CreateRoleRequest>,
) -> Result<pb::CreateRoleResponse, Status> {
    let (call, message) = call.split();
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let role = definition(&mut fields, message.role);
    let (account, (name, decl)) = fields.finish(account.zip(role))?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let create = Create {
        name: name.clone(),
        decl,
    };
    let answer = api.run(by, create).await?;
    Ok(pb::CreateRoleResponse {
        role: role_of(&answer.output, &name).map(convert::role),
        token: answer.token,
    })
}
