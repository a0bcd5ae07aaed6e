//! `CreateGroup`.

use bailiwick_authorization_core::group::create::Create;
use bailiwick_types::method::authorization::CreateGroup;
use uuid::Uuid;

use super::group;
use crate::grpc::prelude::*;

/// The longest title.
const TITLE: usize = 200;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateGroup, pb::CreateGroupRequest>,
) -> Result<pb::CreateGroupResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let title = fields.text("title", &message.title, TITLE);
    let request_id = fields.optional::<Uuid>("request_id", &message.request_id);
    let (account, create) = fields.finish_with(|| {
        let create = Create {
            title: title?,
            request_id: request_id?.map(|id| id.to_string()),
        };
        Some((account?, create))
    })?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let answer = api.run(by, create).await?;
    Ok(pb::CreateGroupResponse {
        group: Some(group(answer.output)),
        token: answer.token,
    })
}
