//! Signs a user out.

use std::sync::Arc;

use bailiwick_identity_core::session;
use bailiwick_types::method::identity::SignOut;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<SignOut, pb::SignOutRequest>,
) -> Result<pb::SignOutResponse, Status> {
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let sign_out = api.write(|identity| async move {
        let (session, token) = session::sign_out(&identity, &by).await?;
        authenticator.forget_session(session);
        Ok::<_, session::sign_out::Error>(token)
    });
    let token = sign_out.await?;
    Ok(pb::SignOutResponse {
        token: token::answer(&token),
    })
}
