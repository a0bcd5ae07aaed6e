//! Proves an authenticator.

use bailiwick_identity_core::second_factor;
use bailiwick_types::method::identity::ConfirmSecondFactor;

use super::{Api, code};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ConfirmSecondFactor, pb::ConfirmSecondFactorRequest>,
) -> Result<pb::ConfirmSecondFactorResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let code = code(&mut fields, "code", request.code);
    let code = fields.finish(code)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let confirm = api.write(|identity| async move { second_factor::confirm(&identity, &by, &code).await });
    let done = confirm.await?;
    Ok(pb::ConfirmSecondFactorResponse {
        recovery_codes: done.codes.expose(),
        token: token::answer(&done.token),
    })
}
