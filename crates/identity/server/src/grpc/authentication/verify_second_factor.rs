//! Finishes a sign-in with the second factor.

use std::sync::Arc;

use bailiwick_identity_core::{
    attempt::{AttemptError, ClientNetwork},
    second_factor::{
        self,
        verify::{Command, Error, Means, Verified},
    },
};
use bailiwick_rpc::wire::timestamp;
use bailiwick_types::{Token, method::identity::VerifySecondFactor};
use secrecy::ExposeSecret;

use super::{Api, code, message};
use crate::grpc::prelude::*;
use crate::grpc::secret;

pub(super) async fn handle(
    api: &Api,
    call: Call<VerifySecondFactor, pb::VerifySecondFactorRequest>,
) -> Result<pb::VerifySecondFactorResponse, Status> {
    let (call, request) = call.split();
    let network = ClientNetwork::from(call.context.client);
    let command = command(request, network, call.context.token.clone())?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let sign_ins = api.sign_ins.clone();
    let authenticator = Arc::clone(&api.authenticator);
    let verify = api.write(|identity| async move {
        let done = second_factor::verify(&identity, &by, &command).await;
        sign_ins.with_label_values(&[outcome(&done.as_ref())]).inc();
        if let Ok(done) = &done {
            let ended = &done.signed_in.ended;
            ended.iter().for_each(|id| authenticator.forget_session(*id));
        }
        done
    });
    let Verified {
        signed_in,
        codes_left,
    } = verify.await?;
    Ok(pb::VerifySecondFactorResponse {
        user: signed_in.user.to_string(),
        session: signed_in.session.to_string(),
        tokens: Some(message(&signed_in.tokens)),
        token: token::answer(&signed_in.token),
        device_token: signed_in.device.token.expose_secret().to_owned(),
        device_expire_time: Some(timestamp(signed_in.device.expires)),
        recovery_codes_left: i32::try_from(codes_left).unwrap_or(i32::MAX),
    })
}

fn command(
    request: pb::VerifySecondFactorRequest,
    network: ClientNetwork,
    token: Token,
) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let challenge = secret(&mut fields, "challenge", request.challenge);
    let means = match (request.code, request.recovery_code) {
        (given, recovery) if recovery.is_empty() => code(&mut fields, "code", given).map(Means::Code),
        (given, recovery) if given.is_empty() => {
            secret(&mut fields, "recovery_code", recovery).map(Means::RecoveryCode)
        }
        _ => {
            fields.violate("recovery_code", "must be empty where `code` is given");
            None
        }
    };
    fields.finish_with(|| {
        Some(Command {
            challenge: challenge?,
            means: means?,
            network,
            token,
        })
    })
}

/// The outcome as a label, with those of `SignIn`.
fn outcome(done: &Result<&Verified, &Error>) -> &'static str {
    match done {
        Ok(_) => "signed_in",
        Err(Error::Wrong) => "wrong_code",
        Err(Error::Attempt(AttemptError::Throttled(_))) => "throttled",
        Err(_) => "failed",
    }
}
