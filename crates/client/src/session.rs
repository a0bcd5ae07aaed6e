//! The access token of a caller, renewed before it expires or when a server refuses it.

use std::{sync::Arc, time::Duration};

use bailiwick_proto::identity::v1::{
    IssueTokenRequest, RefreshRequest, SignInRequest, TokenPair,
    authentication_service_client::AuthenticationServiceClient, token_service_client::TokenServiceClient,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Mutex, time::Instant};
use tonic::{Code, Status};

use crate::{Credentials, transport::Transport};

/// The access token of one caller. Clones of a client share it; only one of them renews it at a time.
#[derive(Debug)]
pub(crate) struct Session {
    credentials: Credentials,
    identity: Transport,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    access: Option<Access>,
    refresh: Option<SecretString>,
    /// Outlives the session.
    device: Option<SecretString>,
}

#[derive(Debug)]
struct Access {
    token: Bearer,
    renew_at: Option<Instant>,
}

/// An access token; `Debug` redacts it.
pub(crate) type Bearer = Arc<SecretString>;

impl Session {
    /// A session that begins with the first call. `identity` must carry no credentials.
    pub(crate) fn new(credentials: Credentials, identity: Transport) -> Self {
        let device = match &credentials {
            Credentials::Password { device, .. } => device.clone(),
            _ => None,
        };
        Self {
            credentials,
            identity,
            held: Mutex::new(Held {
                device,
                ..Held::default()
            }),
        }
    }
    /// Whether a refused token can be replaced by another one.
    pub(crate) fn renewable(&self) -> bool {
        matches!(
            self.credentials,
            Credentials::Password { .. } | Credentials::ClientCredentials { .. }
        )
    }
    /// The token to call with, obtained or renewed first if necessary; none for a caller without credentials.
    pub(crate) async fn bearer(&self) -> Result<Option<Bearer>, Status> {
        let mut held = self.held.lock().await;
        if let Some(access) = &held.access
            && access.renew_at.is_none_or(|at| Instant::now() < at)
        {
            return Ok(Some(Arc::clone(&access.token)));
        }
        let renewed = match &self.credentials {
            Credentials::None => return Ok(None),
            Credentials::Bearer(token) => Access {
                token: Arc::new(token.clone()),
                renew_at: None,
            },
            Credentials::Password {
                email,
                password,
                account,
                ..
            } => {
                let pair = self
                    .tokens(&mut held, email, password, account.as_deref())
                    .await?;
                held.refresh = (!pair.refresh_token.is_empty()).then(|| pair.refresh_token.into());
                Access::new(pair.access_token)
            }
            Credentials::ClientCredentials { id, secret } => {
                let request = IssueTokenRequest {
                    client_id: id.clone(),
                    client_secret: secret.expose_secret().to_owned(),
                };
                let answer = TokenServiceClient::new(self.identity.clone())
                    .issue_token(request)
                    .await?;
                Access::new(answer.into_inner().access_token)
            }
        };
        let token = Arc::clone(&renewed.token);
        held.access = Some(renewed);
        Ok(Some(token))
    }
    /// Drops a token that a server refused, so that the next call obtains another.
    pub(crate) async fn refused(&self, token: &Bearer) {
        let mut held = self.held.lock().await;
        if held
            .access
            .as_ref()
            .is_some_and(|access| Arc::ptr_eq(&access.token, token))
        {
            held.access = None;
        }
    }
    /// Drops all tokens: the session has ended.
    pub(crate) async fn forget(&self) {
        let mut held = self.held.lock().await;
        *held = Held {
            device: held.device.take(),
            ..Held::default()
        };
    }
    /// The token of this device.
    pub(crate) async fn device(&self) -> Option<SecretString> {
        self.held.lock().await.device.clone()
    }
    /// A new pair of tokens for the refresh token, or by signing in where that is missing or no longer valid.
    async fn tokens(
        &self,
        held: &mut Held,
        email: &str,
        password: &SecretString,
        account: Option<&str>,
    ) -> Result<TokenPair, Status> {
        let mut client = AuthenticationServiceClient::new(self.identity.clone());
        if let Some(refresh) = held.refresh.take() {
            let request = RefreshRequest {
                refresh_token: refresh.expose_secret().to_owned(),
            };
            match client.refresh(request).await {
                Ok(answer) => return answer.into_inner().tokens.ok_or_else(no_tokens),
                // A session is refreshed at most once a second: the refresh token stays usable.
                Err(status) if matches!(status.code(), Code::Unavailable | Code::ResourceExhausted) => {
                    held.refresh = Some(refresh);
                    return Err(status);
                }
                Err(status) => {
                    tracing::debug!(code = ?status.code(), "session has ended; signing in again");
                }
            }
        }
        let request = SignInRequest {
            email: email.to_owned(),
            password: password.expose_secret().to_owned(),
            account: account.unwrap_or_default().to_owned(),
            device_token: held
                .device
                .as_ref()
                .map(|device| device.expose_secret().to_owned())
                .unwrap_or_default(),
        };
        let answer = client.sign_in(request).await?.into_inner();
        if !answer.device_token.is_empty() {
            held.device = Some(answer.device_token.into());
        }
        match answer.challenge {
            Some(_) => Err(needs_second_factor()),
            None => answer.tokens.ok_or_else(no_tokens),
        }
    }
}

impl Access {
    /// A token that is renewed after four fifths of its lifetime, measured here: the clocks of client and
    /// server are not compared.
    fn new(token: String) -> Self {
        let renew_at = lifetime(&token).map(|life| Instant::now() + life.mul_f64(0.8));
        Self {
            token: Arc::new(token.into()),
            renew_at,
        }
    }
}

/// A password alone does not sign this user in, and a client has no codes.
fn needs_second_factor() -> Status {
    Status::unauthenticated(
        "the user has a second factor: finish the sign-in with AuthenticationService.VerifySecondFactor \
         and call with its access token, or use a service account",
    )
}

fn no_tokens() -> Status {
    Status::internal("the response contains no tokens")
}

/// The time from `iat` to `exp` of a JWT (RFC 7519); none for other tokens.
fn lifetime(token: &str) -> Option<Duration> {
    #[derive(serde::Deserialize)]
    struct Claims {
        iat: u64,
        exp: u64,
    }
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    claims.exp.checked_sub(claims.iat).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_of_a_token_is_read_from_its_claims() {
        let payload = BASE64_URL_SAFE_NO_PAD.encode(r#"{"iat":1000,"exp":1900,"sub":"user:u"}"#);
        assert_eq!(
            lifetime(&format!("e30.{payload}.c2ln")),
            Some(Duration::from_mins(15))
        );
        assert_eq!(lifetime("bwk_opaque"), None);
    }
}
