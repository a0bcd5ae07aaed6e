//! Ends all sessions of a user, or all but the caller's own.

use std::sync::Arc;

use bailiwick_identity_core::session::{self, revoke_all::Command};
use bailiwick_types::{Subject, method::identity::RevokeAllSessions};

use super::{Api, user};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RevokeAllSessions, pb::RevokeAllSessionsRequest>,
) -> Result<pb::RevokeAllSessionsResponse, Status> {
    let mut fields = Fields::new();
    let user = user(&mut fields, &call.message.user, call.context.caller.subject());
    let user = fields.finish(user)?;
    let command = Command {
        user,
        keep_current: call.message.keep_current,
    };
    let target = Target::none().owned_by(Subject::user(user));
    let by = api.guard.authorize(&call, &target).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let revoke = api.write(|identity| async move {
        let (ended, token) = session::revoke_all(&identity, &by, command).await?;
        ended.iter().for_each(|id| authenticator.forget_session(*id));
        Ok::<_, session::revoke_all::Error>((ended, token))
    });
    let (ended, token) = revoke.await?;
    Ok(pb::RevokeAllSessionsResponse {
        ended: i32::try_from(ended.len()).unwrap_or(i32::MAX),
        token: token::answer(&token),
    })
}
