//! Reads several users.

use bailiwick_identity_core::user::{self, batch_get::MAX};
use bailiwick_types::{UserId, method::identity::BatchGetUsers};

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<BatchGetUsers, pb::BatchGetUsersRequest>,
) -> Result<pb::BatchGetUsersResponse, Status> {
    let ids = ids(&call.message.users)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let users = user::batch_get(&api.identity, &by, &ids).await;
    let users = users.map_err(IntoStatus::into_status)?;
    Ok(pb::BatchGetUsersResponse {
        users: users.iter().map(message).collect(),
    })
}

fn ids(users: &[String]) -> Result<Vec<UserId>, Status> {
    let mut fields = Fields::new();
    if users.is_empty() {
        fields.violate("users", "must not be empty");
    }
    if users.len() > MAX {
        fields.violate("users", format!("must have at most {MAX} ids"));
        return fields.finish(None);
    }
    let users = users.iter().enumerate();
    let ids = users.filter_map(|(n, id)| fields.take(&format!("users[{n}]"), id.parse()));
    let ids = ids.collect();
    fields.finish(Some(ids))
}
