//! `Debug` of messages with a secret in them: whoever logs a whole request or answer logs no secret.

use std::fmt;

use crate::identity::v1::{
    ActivateRequest, ChangePasswordRequest, ConfirmSecondFactorRequest, ConfirmSecondFactorResponse,
    CreateApiKeyResponse, CreateServiceAccountResponse, CreateUserRequest, EnrollSecondFactorResponse,
    IntrospectRequest, IssueTokenRequest, IssueTokenResponse, ReauthenticateRequest, RefreshRequest,
    RegenerateRecoveryCodesResponse, ResetPasswordRequest, RevokeTokenRequest,
    RotateServiceAccountSecretResponse, SecondFactorChallenge, SignInRequest, SignInResponse, TokenPair,
    VerifyApiKeyRequest, VerifyEmailRequest, VerifySecondFactorRequest, VerifySecondFactorResponse,
};
use crate::tenancy::v1::MoveWorkspaceRequest;

macro_rules! secretive {
    ($($message:ident { $($shown:ident)* ; $($secret:ident)* })*) => {$(
        impl fmt::Debug for $message {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // Taken apart by name: a field that is added does not compile until somebody says whether
                // it is secret.
                let Self { $($shown,)* $($secret: _,)* } = self;
                f.debug_struct(stringify!($message))
                    $(.field(stringify!($shown), $shown))*
                    $(.field(stringify!($secret), &"[redacted]"))*
                    .finish()
            }
        }
    )*};
}

secretive! {
    CreateUserRequest { email display_name email_verified request_id; password }
    SignInRequest { email account; password device_token }
    SignInResponse { user session tokens token device_expire_time challenge; device_token }
    SecondFactorChallenge { expire_time; challenge }
    VerifySecondFactorRequest { ; challenge code recovery_code }
    VerifySecondFactorResponse {
        user session tokens token device_expire_time recovery_codes_left; device_token
    }
    EnrollSecondFactorResponse { ; secret uri }
    ConfirmSecondFactorRequest { ; code }
    ConfirmSecondFactorResponse { token; recovery_codes }
    RegenerateRecoveryCodesResponse { token; recovery_codes }
    TokenPair { access_expire_time session_expire_time; access_token refresh_token }
    RefreshRequest { ; refresh_token }
    ReauthenticateRequest { method; password code }
    ChangePasswordRequest { ; old_password new_password }
    ResetPasswordRequest { ; secret password }
    ActivateRequest { ; secret password }
    VerifyEmailRequest { ; secret }
    CreateServiceAccountResponse { service_account token; secret }
    RotateServiceAccountSecretResponse { service_account old_secret_expire_time token; secret }
    CreateApiKeyResponse { api_key token; secret }
    VerifyApiKeyRequest { api_key; digest }
    IssueTokenRequest { client_id; client_secret }
    IssueTokenResponse { expire_time; access_token }
    IntrospectRequest { ; token }
    RevokeTokenRequest { client_id; token client_secret }
    MoveWorkspaceRequest {
        account workspace target_account parent request_id etag validate_only; target_access_token
    }
}

#[cfg(test)]
mod tests {
    use crate::identity::v1 as pb;

    #[test]
    fn no_message_shows_its_secret() {
        let secret = || "the-secret-itself".to_owned();
        let pair = pb::TokenPair {
            access_token: secret(),
            refresh_token: secret(),
            ..Default::default()
        };
        let sign_in = pb::SignInRequest {
            email: "ada@example.com".to_owned(),
            password: secret(),
            account: String::new(),
            device_token: secret(),
        };
        let shown = [
            format!("{sign_in:?}"),
            format!(
                "{:?}",
                pb::CreateUserRequest {
                    password: secret(),
                    ..Default::default()
                }
            ),
            format!(
                "{:?}",
                pb::RefreshRequest {
                    refresh_token: secret()
                }
            ),
            format!(
                "{:?}",
                pb::ReauthenticateRequest {
                    password: secret(),
                    code: secret(),
                    method: String::new(),
                }
            ),
            format!(
                "{:?}",
                pb::VerifySecondFactorRequest {
                    challenge: secret(),
                    code: secret(),
                    recovery_code: secret(),
                }
            ),
            format!(
                "{:?}",
                pb::EnrollSecondFactorResponse {
                    secret: secret(),
                    uri: secret(),
                }
            ),
            format!(
                "{:?}",
                pb::ConfirmSecondFactorResponse {
                    recovery_codes: vec![secret()],
                    ..Default::default()
                }
            ),
            format!(
                "{:?}",
                pb::RegenerateRecoveryCodesResponse {
                    recovery_codes: vec![secret()],
                    ..Default::default()
                }
            ),
            format!(
                "{:?}",
                pb::RevokeTokenRequest {
                    token: secret(),
                    client_secret: secret(),
                    ..Default::default()
                }
            ),
            format!("{:?}", pb::IntrospectRequest { token: secret() }),
            format!(
                "{:?}",
                pb::ChangePasswordRequest {
                    old_password: secret(),
                    new_password: secret(),
                }
            ),
            format!(
                "{:?} {:?} {:?}",
                pb::ResetPasswordRequest {
                    secret: secret(),
                    password: secret(),
                },
                pb::ActivateRequest {
                    secret: secret(),
                    password: secret(),
                },
                pb::VerifyEmailRequest { secret: secret() }
            ),
            format!(
                "{:?}",
                pb::CreateServiceAccountResponse {
                    secret: secret(),
                    ..Default::default()
                }
            ),
            format!(
                "{:?}",
                pb::IssueTokenRequest {
                    client_id: "x".to_owned(),
                    client_secret: secret()
                }
            ),
            format!(
                "{:?}",
                pb::IssueTokenResponse {
                    access_token: secret(),
                    expire_time: None
                }
            ),
            format!(
                "{:?}",
                crate::tenancy::v1::MoveWorkspaceRequest {
                    target_access_token: secret(),
                    ..Default::default()
                }
            ),
            format!(
                "{:?}",
                pb::SignInResponse {
                    tokens: Some(pair),
                    device_token: secret(),
                    challenge: Some(pb::SecondFactorChallenge {
                        challenge: secret(),
                        expire_time: None,
                    }),
                    ..Default::default()
                }
            ),
        ];
        assert!(
            shown.iter().all(|text| !text.contains("the-secret")),
            "{shown:#?}"
        );
        assert!(shown[0].contains("ada@example.com"));
    }
}
