//! `AuthenticationService`.

mod activate;
mod change_password;
mod reauthenticate;
mod refresh;
mod request_password_reset;
mod reset_password;
mod send_activation;
mod send_verification;
mod sign_in;
mod sign_out;
mod verify_email;

use bailiwick_identity_core::session::TokenPair;
use bailiwick_proto::identity::v1::{self as pb, authentication_service_server::AuthenticationService};
use bailiwick_rpc::wire::timestamp;
use secrecy::ExposeSecret;

use super::Api;

bailiwick_rpc::serve! {
    Api: AuthenticationService {}
    sign_in(SignInRequest) -> SignInResponse;
    refresh(RefreshRequest) -> RefreshResponse;
    sign_out(SignOutRequest) -> SignOutResponse;
    reauthenticate(ReauthenticateRequest) -> ReauthenticateResponse;
    change_password(ChangePasswordRequest) -> ChangePasswordResponse;
    request_password_reset(RequestPasswordResetRequest) -> RequestPasswordResetResponse;
    reset_password(ResetPasswordRequest) -> ResetPasswordResponse;
    send_activation(SendActivationRequest) -> SendActivationResponse;
    activate(ActivateRequest) -> ActivateResponse;
    send_verification(SendVerificationRequest) -> SendVerificationResponse;
    verify_email(VerifyEmailRequest) -> VerifyEmailResponse;
    !verify_second_factor(VerifySecondFactorRequest) -> VerifySecondFactorResponse;
    !enroll_second_factor(EnrollSecondFactorRequest) -> EnrollSecondFactorResponse;
    !confirm_second_factor(ConfirmSecondFactorRequest) -> ConfirmSecondFactorResponse;
    !remove_second_factor(RemoveSecondFactorRequest) -> RemoveSecondFactorResponse;
    !register_customer(RegisterCustomerRequest) -> RegisterCustomerResponse;
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
