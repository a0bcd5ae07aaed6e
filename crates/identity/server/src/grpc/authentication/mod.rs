//! `AuthenticationService`.

mod activate;
mod change_password;
mod confirm_second_factor;
mod enroll_second_factor;
mod mailed;
mod reauthenticate;
mod refresh;
mod regenerate_recovery_codes;
mod remove_second_factor;
mod request_password_reset;
mod reset_password;
mod send_activation;
mod send_verification;
mod sign_in;
mod sign_out;
mod verify_email;
mod verify_second_factor;

use bailiwick_identity_core::session::TokenPair;
use bailiwick_proto::identity::v1::{self as pb, authentication_service_server::AuthenticationService};
use bailiwick_rpc::{Fields, wire::timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::Api;

bailiwick_rpc::serve! {
    Api: AuthenticationService {}
    sign_in(SignInRequest) -> SignInResponse;
    refresh(RefreshRequest) -> RefreshResponse;
    sign_out(SignOutRequest) -> SignOutResponse;
    reauthenticate(ReauthenticateRequest) -> ReauthenticateResponse;
    verify_second_factor(VerifySecondFactorRequest) -> VerifySecondFactorResponse;
    enroll_second_factor(EnrollSecondFactorRequest) -> EnrollSecondFactorResponse;
    confirm_second_factor(ConfirmSecondFactorRequest) -> ConfirmSecondFactorResponse;
    remove_second_factor(RemoveSecondFactorRequest) -> RemoveSecondFactorResponse;
    regenerate_recovery_codes(RegenerateRecoveryCodesRequest) -> RegenerateRecoveryCodesResponse;
    change_password(ChangePasswordRequest) -> ChangePasswordResponse;
    request_password_reset(RequestPasswordResetRequest) -> RequestPasswordResetResponse;
    reset_password(ResetPasswordRequest) -> ResetPasswordResponse;
    send_activation(SendActivationRequest) -> SendActivationResponse;
    activate(ActivateRequest) -> ActivateResponse;
    send_verification(SendVerificationRequest) -> SendVerificationResponse;
    verify_email(VerifyEmailRequest) -> VerifyEmailResponse;
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

/// Reads a code of a second factor.
fn code(fields: &mut Fields, name: &str, text: String) -> Option<SecretString> {
    if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.into());
    }
    fields.violate(name, "must be six digits");
    None
}
