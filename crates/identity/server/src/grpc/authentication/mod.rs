//! `AuthenticationService`.

mod reauthenticate;
mod refresh;
mod sign_in;
mod sign_out;

use bailiwick_identity_core::session::TokenPair;
use bailiwick_proto::identity::v1::{self as pb, authentication_service_server::AuthenticationService};
use bailiwick_rpc::{later, wire::timestamp};
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status, async_trait};

use super::Handlers;

#[async_trait]
impl AuthenticationService for Handlers {
    async fn sign_in(
        &self,
        request: Request<pb::SignInRequest>,
    ) -> Result<Response<pb::SignInResponse>, Status> {
        sign_in::sign_in(self, request).await
    }

    async fn refresh(
        &self,
        request: Request<pb::RefreshRequest>,
    ) -> Result<Response<pb::RefreshResponse>, Status> {
        refresh::refresh(self, request).await
    }

    async fn sign_out(
        &self,
        request: Request<pb::SignOutRequest>,
    ) -> Result<Response<pb::SignOutResponse>, Status> {
        sign_out::sign_out(self, request).await
    }

    async fn reauthenticate(
        &self,
        request: Request<pb::ReauthenticateRequest>,
    ) -> Result<Response<pb::ReauthenticateResponse>, Status> {
        reauthenticate::reauthenticate(self, request).await
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

/// A pair of tokens as a message.
fn message(tokens: &TokenPair) -> pb::TokenPair {
    pb::TokenPair {
        access_token: tokens.access.text.expose_secret().to_owned(),
        refresh_token: tokens.refresh.expose_secret().to_owned(),
        access_expire_time: Some(timestamp(tokens.access.expires)),
        session_expire_time: Some(timestamp(tokens.session_expires)),
    }
}
