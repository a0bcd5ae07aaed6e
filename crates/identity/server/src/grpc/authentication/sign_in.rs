//! Signs a user in.

use std::sync::Arc;

use bailiwick_identity_core::{
    attempt::{AttemptError, ClientNetwork},
    session::{
        self, UserAgent,
        sign_in::{Command, Error, Outcome},
    },
};
use bailiwick_rpc::wire::timestamp;
use bailiwick_types::{Token, method::identity::SignIn};
use secrecy::ExposeSecret;

use super::{Api, message};
use crate::grpc::prelude::*;
use crate::grpc::{password, secret};

pub(super) async fn handle(
    api: &Api,
    call: Call<SignIn, pb::SignInRequest>,
) -> Result<pb::SignInResponse, Status> {
    let (call, request) = call.split();
    let agent = UserAgent::new(call.user_agent());
    let command = command(request, agent, call.context.token.clone())?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let network = ClientNetwork::from(call.context.client);
    // Not part of the write: a client that goes away while it waits gives its place up.
    let entered = match session::sign_in::enter(&api.identity, &command, network).await {
        Ok(entered) => entered,
        Err(error) => {
            api.sign_ins.with_label_values(&[outcome(&Err(&error))]).inc();
            return Err(error.into_status());
        }
    };
    let sign_ins = api.sign_ins.clone();
    let authenticator = Arc::clone(&api.authenticator);
    let sign_in = api.write(|identity| async move {
        let done = session::sign_in(&identity, &by, &command, entered).await;
        sign_ins.with_label_values(&[outcome(&done.as_ref())]).inc();
        if let Ok(Outcome::SignedIn(done)) = &done {
            done.ended.iter().for_each(|id| authenticator.forget_session(*id));
        }
        done
    });
    let done = match sign_in.await? {
        Outcome::SignedIn(done) => done,
        Outcome::Challenged(challenged) => {
            let challenge = pb::SecondFactorChallenge {
                challenge: challenged.challenge.expose_secret().to_owned(),
                expire_time: Some(timestamp(challenged.expires)),
            };
            return Ok(pb::SignInResponse {
                challenge: Some(challenge),
                ..Default::default()
            });
        }
    };
    Ok(pb::SignInResponse {
        user: done.user.to_string(),
        session: done.session.to_string(),
        tokens: Some(message(&done.tokens)),
        token: token::answer(&done.token),
        device_token: done.device.token.expose_secret().to_owned(),
        device_expire_time: Some(timestamp(done.device.expires)),
        challenge: None,
    })
}

fn command(request: pb::SignInRequest, agent: UserAgent, token: Token) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let email = fields.required("email", &request.email);
    let password = password(&mut fields, "password", request.password);
    let account = fields.optional("account", &request.account);
    let device = match request.device_token {
        none if none.is_empty() => Some(None),
        token => secret(&mut fields, "device_token", token).map(Some),
    };
    fields.finish_with(|| {
        Some(Command {
            email: email?,
            password: password?,
            account: account?,
            device: device?,
            agent,
            token,
        })
    })
}

/// The outcome of a sign-in as a label: attacks on passwords show in it.
fn outcome(done: &Result<&Outcome, &Error>) -> &'static str {
    match done {
        Ok(Outcome::SignedIn(_)) => "signed_in",
        Ok(Outcome::Challenged(_)) => "challenged",
        Err(Error::Wrong) => "wrong",
        Err(Error::Attempt(AttemptError::Throttled(_))) => "throttled",
        Err(Error::NotMember) => "not_a_member",
        Err(Error::Locked) => "locked",
        Err(Error::Admission(_)) => "not_admitted",
        Err(_) => "failed",
    }
}
