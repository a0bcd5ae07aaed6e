//! Verifies the password of a session's user again.

use bailiwick_identity_core::session;
use bailiwick_rpc::wire::timestamp;
use bailiwick_types::method::identity::Reauthenticate;

use super::Api;
use crate::grpc::password;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<Reauthenticate, pb::ReauthenticateRequest>,
) -> Result<pb::ReauthenticateResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let password = password(&mut fields, "password", request.password);
    let password = fields.finish(password)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let verify =
        api.write(|identity| async move { session::reauthenticate(&identity, &by, &password).await });
    let until = verify.await?;
    Ok(pb::ReauthenticateResponse {
        expire_time: Some(timestamp(until)),
    })
}
