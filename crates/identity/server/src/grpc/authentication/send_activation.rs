//! Mails a user the secret with which it sets its first password.

use bailiwick_identity_core::user::{self, send_activation::Command};
use bailiwick_types::{AccountId, UserId, method::identity::SendActivation};

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<SendActivation, pb::SendActivationRequest>,
) -> Result<pb::SendActivationResponse, Status> {
    let (user, account) = named(&call.message)?;
    let command = Command {
        user,
        token: call.context.token.clone(),
    };
    let target = account.map_or_else(Target::none, Target::account);
    let by = api.guard.authorize(&call, &target).await?;
    let write = api.write(|identity| async move { user::send_activation(&identity, &by, &command).await });
    write.await?;
    Ok(pb::SendActivationResponse {})
}

fn named(message: &pb::SendActivationRequest) -> Result<(UserId, Option<AccountId>), Status> {
    let mut fields = Fields::new();
    let user = fields.required("user", &message.user);
    let account = fields.optional("account", &message.account);
    fields.finish_with(|| Some((user?, account?)))
}
