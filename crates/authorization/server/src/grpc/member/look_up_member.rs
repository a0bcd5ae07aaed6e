//! `LookUpMember`.

use bailiwick_authorization_core::member::look_up::look_up;
use bailiwick_types::{Subject, method::authorization::LookUpMember};

use super::named;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<LookUpMember, pb::LookUpMemberRequest>,
) -> Result<pb::LookUpMemberResponse, Status> {
    let (account, user) = named(&call.message.account, &call.message.user)?;
    let by = api
        .authorize(&call, &[&Subject::user(user)], &Target::account(account))
        .await?;
    let active = look_up(&api.ports, &by, user).await.map_err(status)?;
    Ok(pb::LookUpMemberResponse { active })
}
