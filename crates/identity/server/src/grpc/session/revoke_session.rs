//! Ends a session.

use std::sync::Arc;

use bailiwick_identity_core::session;
use bailiwick_types::{SessionId, Subject, method::identity::RevokeSession};

use super::{Api, user};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RevokeSession, pb::RevokeSessionRequest>,
) -> Result<pb::RevokeSessionResponse, Status> {
    let mut fields = Fields::new();
    let id = fields.required::<SessionId>("session", &call.message.session);
    let user = user(&mut fields, &call.message.user, call.context.caller.subject());
    let (id, user) = fields.finish(id.zip(user))?;
    let target = Target::none().owned_by(Subject::user(user));
    let by = api.guard.authorize(&call, &target).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let revoke = api.write(|identity| async move {
        let token = session::revoke(&identity, &by, user, id).await?;
        authenticator.forget_session(id);
        Ok::<_, session::revoke::Error>(token)
    });
    let token = revoke.await?;
    Ok(pb::RevokeSessionResponse {
        token: token::answer(&token),
    })
}
