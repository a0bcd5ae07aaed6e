//! Exchanges a refresh token for a new pair of tokens.

use std::sync::Arc;

use bailiwick_identity_core::session::{
    self,
    refresh::{Command, Error},
};
use bailiwick_types::method::identity::Refresh;

use super::{Api, message};
use crate::grpc::prelude::*;
use crate::grpc::secret;

pub(super) async fn handle(
    api: &Api,
    call: Call<Refresh, pb::RefreshRequest>,
) -> Result<pb::RefreshResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let refresh_token = secret(&mut fields, "refresh_token", request.refresh_token);
    let command = Command {
        refresh_token: fields.finish(refresh_token)?,
        token: call.context.token.clone(),
    };
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let authenticator = Arc::clone(&api.authenticator);
    let refresh = api.write(|identity| async move {
        let done = session::refresh(&identity, &by, &command).await;
        match &done {
            Err(Error::Reused(session)) => authenticator.forget_session(*session),
            Ok(refreshed) => refreshed
                .revoked
                .iter()
                .for_each(|id| authenticator.forget_token(id)),
            Err(_) => {}
        }
        done
    });
    let refreshed = refresh.await?;
    Ok(pb::RefreshResponse {
        tokens: Some(message(&refreshed.tokens)),
    })
}
