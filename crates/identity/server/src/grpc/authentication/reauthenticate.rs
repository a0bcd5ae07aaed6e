//! Verifies the password, or a code of the second factor, of a session's user again.

use bailiwick_identity_core::session::{
    self, StepUpMethod,
    reauthenticate::{Command, Means},
};
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
    let method = fields.required::<StepUpMethod>("method", &request.method);
    let means = match (request.password, request.code) {
        (password, code) if code.is_empty() => {
            self::password(&mut fields, "password", password).map(Means::Password)
        }
        (password, code) if password.is_empty() => super::code(&mut fields, "code", code).map(Means::Code),
        _ => {
            fields.violate("code", "must be empty where `password` is given");
            None
        }
    };
    let command = fields.finish_with(|| {
        Some(Command {
            method: method?,
            means: means?,
        })
    })?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let verify = api.write(|identity| async move { session::reauthenticate(&identity, &by, &command).await });
    let until = verify.await?;
    Ok(pb::ReauthenticateResponse {
        expire_time: Some(timestamp(until)),
    })
}
