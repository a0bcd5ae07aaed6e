//! `AuthenticationService`.

use bailiwick_identity_core::use_case::{reauthenticate, refresh, sign_in, sign_out};
use bailiwick_proto::identity::v1::{self as pb, authentication_service_server::AuthenticationService};
use bailiwick_rpc::{Context, IntoStatus, Target, later, wire::timestamp};
use tonic::{Request, Response, Status, async_trait};

use super::{Handlers, parse};

/// A sign-in in one word: attacks on passwords show in these.
fn outcome(done: &Result<sign_in::SignedIn, sign_in::Error>) -> &'static str {
    match done {
        Ok(_) => "signed_in",
        Err(sign_in::Error::Wrong) => "wrong",
        Err(sign_in::Error::Throttled { .. }) => "throttled",
        Err(sign_in::Error::NotMember) => "not_a_member",
        Err(_) => "failed",
    }
}

#[async_trait]
impl AuthenticationService for Handlers {
    async fn sign_in(
        &self,
        request: Request<pb::SignInRequest>,
    ) -> Result<Response<pb::SignInResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = parse::sign_in(request.into_inner(), context.token.clone())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let done = sign_in::run(&self.identity, &by, &command).await;
        self.sign_ins.with_label_values(&[outcome(&done)]).inc();
        let done = done.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::SignInResponse {
            user: done.user.to_string(),
            session: done.session.to_string(),
            tokens: Some(parse::tokens(&done.tokens)),
            token: bailiwick_rpc::token::encode(&done.token),
        }))
    }

    async fn refresh(
        &self,
        request: Request<pb::RefreshRequest>,
    ) -> Result<Response<pb::RefreshResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = parse::refresh(request.into_inner(), context.token.clone())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let done = refresh::run(&self.identity, &by, &command).await;
        if let Err(refresh::Error::Reused { session }) = &done {
            self.authenticator.forget_session(*session);
        }
        let tokens = done.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::RefreshResponse {
            tokens: Some(parse::tokens(&tokens)),
        }))
    }

    async fn sign_out(
        &self,
        request: Request<pb::SignOutRequest>,
    ) -> Result<Response<pb::SignOutResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let done = sign_out::run(&self.identity, &by)
            .await
            .map_err(IntoStatus::into_status)?;
        let (session, token) = done;
        self.authenticator.forget_session(session);
        Ok(Response::new(pb::SignOutResponse {
            token: parse::token(&token),
        }))
    }

    async fn reauthenticate(
        &self,
        request: Request<pb::ReauthenticateRequest>,
    ) -> Result<Response<pb::ReauthenticateResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let password = parse::reauthenticate(request.into_inner())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let until = reauthenticate::run(&self.identity, &by, &password).await;
        let until = until.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::ReauthenticateResponse {
            expire_time: Some(timestamp(until)),
        }))
    }

    async fn verify_second_factor(
        &self,
        request: Request<pb::VerifySecondFactorRequest>,
    ) -> Result<Response<pb::VerifySecondFactorResponse>, Status> {
        Err(later(&request))
    }

    async fn enroll_second_factor(
        &self,
        request: Request<pb::EnrollSecondFactorRequest>,
    ) -> Result<Response<pb::EnrollSecondFactorResponse>, Status> {
        Err(later(&request))
    }

    async fn confirm_second_factor(
        &self,
        request: Request<pb::ConfirmSecondFactorRequest>,
    ) -> Result<Response<pb::ConfirmSecondFactorResponse>, Status> {
        Err(later(&request))
    }

    async fn remove_second_factor(
        &self,
        request: Request<pb::RemoveSecondFactorRequest>,
    ) -> Result<Response<pb::RemoveSecondFactorResponse>, Status> {
        Err(later(&request))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        Err(later(&request))
    }

    async fn request_password_reset(
        &self,
        request: Request<pb::RequestPasswordResetRequest>,
    ) -> Result<Response<pb::RequestPasswordResetResponse>, Status> {
        Err(later(&request))
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        Err(later(&request))
    }

    async fn send_activation(
        &self,
        request: Request<pb::SendActivationRequest>,
    ) -> Result<Response<pb::SendActivationResponse>, Status> {
        Err(later(&request))
    }

    async fn activate(
        &self,
        request: Request<pb::ActivateRequest>,
    ) -> Result<Response<pb::ActivateResponse>, Status> {
        Err(later(&request))
    }

    async fn verify_email(
        &self,
        request: Request<pb::VerifyEmailRequest>,
    ) -> Result<Response<pb::VerifyEmailResponse>, Status> {
        Err(later(&request))
    }

    async fn register_customer(
        &self,
        request: Request<pb::RegisterCustomerRequest>,
    ) -> Result<Response<pb::RegisterCustomerResponse>, Status> {
        Err(later(&request))
    }
}
