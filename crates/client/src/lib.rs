//! The Rust client of the suite.
//!
//! A [`Client`] is cheap to clone. It signs in at the first call that needs it, renews its access token
//! before that expires, sends its consistency tokens with every request and replaces them by those of the
//! responses. Where a server answers with `RetryInfo` it retries the methods that declare an
//! `idempotency_level`. It depends on the generated code and on no other crate of ours.
//!
//! ```no_run
//! use bailiwick_client::{Client, Credentials, Endpoints};
//! use bailiwick_proto::authorization::v1::CheckRequest;
//!
//! # async fn ask() -> Result<(), bailiwick_client::Error> {
//! let client = Client::connect(&Endpoints::one("http://127.0.0.1:7400"))
//!     .await?
//!     .with_credentials(Credentials::client("svc_…", "…".to_owned().into()));
//! let answer = client
//!     .authorization()
//!     .decision()
//!     .check(CheckRequest {
//!         account: "acct_…".into(),
//!         subject: "user:user_…".into(),
//!         permission: "survey.send".into(),
//!         target: "survey:s1".into(),
//!         ..Default::default()
//!     })
//!     .await?;
//! println!("{:?}", answer.get_ref().decision());
//! # Ok(())
//! # }
//! ```

mod credentials;
mod endpoints;
mod error;
mod follow;
mod services;
mod session;
mod shape;
mod token;
mod transport;
mod watch;

use std::sync::Arc;

use bailiwick_proto::identity::v1::SignOutRequest;
use secrecy::SecretString;
use tonic::transport::Channel;

pub use crate::{
    credentials::Credentials,
    endpoints::{Endpoints, Tls},
    error::{Error, Violation, code_name, code_of},
    follow::Follow,
    services::{Authorization, Identity, Tenancy},
    token::TokenJar,
    transport::{Patience, Transport},
};
use crate::{endpoints::Channels, session::Session};

/// A caller's connections to the suite.
#[derive(Debug, Clone)]
pub struct Client {
    channels: Arc<Channels>,
    jar: TokenJar,
    session: Option<Arc<Session>>,
    patience: Patience,
}

impl Client {
    /// Connects to all services now, without credentials.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for an invalid address, UNAVAILABLE where no server answers.
    pub async fn connect(endpoints: &Endpoints) -> Result<Self, Error> {
        Ok(Self::over(Channels::connect(endpoints).await?))
    }
    /// Makes a client without credentials that connects at the first call.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for an invalid address.
    pub fn lazy(endpoints: &Endpoints) -> Result<Self, Error> {
        Ok(Self::over(Channels::lazy(endpoints)?))
    }
    fn over(channels: Channels) -> Self {
        Self {
            channels: Arc::new(channels),
            jar: TokenJar::default(),
            session: None,
            patience: Patience::default(),
        }
    }
    /// Returns a client of another caller over the same connections. Both share their consistency tokens, so
    /// that each sees what the other wrote.
    #[must_use]
    pub fn with_credentials(&self, credentials: Credentials) -> Self {
        let bare = Transport::new(
            self.channels.identity.clone(),
            self.jar.clone(),
            None,
            self.patience,
        );
        Self {
            session: match credentials {
                Credentials::None => None,
                credentials => Some(Arc::new(Session::new(credentials, bare))),
            },
            ..self.clone()
        }
    }
    /// Returns a client with other consistency tokens. Call it before `with_credentials`: signing in carries
    /// tokens too.
    #[must_use]
    pub fn with_tokens(mut self, jar: TokenJar) -> Self {
        self.jar = jar;
        self
    }
    /// Returns a client with other deadlines. Call it before `with_credentials`.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }
    /// The consistency tokens.
    #[must_use]
    pub fn tokens(&self) -> &TokenJar {
        &self.jar
    }
    /// Signs in now instead of at the first call.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn sign_in(&self) -> Result<(), Error> {
        if let Some(session) = &self.session {
            session.bearer().await?;
        }
        Ok(())
    }
    /// The access token that the next call would carry, obtained first if necessary; none for a caller
    /// without credentials. For fields that carry a second token, as that of
    /// `WorkspaceService.MoveWorkspace` does.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn access_token(&self) -> Result<Option<SecretString>, Error> {
        let Some(session) = &self.session else {
            return Ok(None);
        };
        let token = session.bearer().await?;
        Ok(token.map(|token| SecretString::clone(&token)))
    }
    /// Ends the session; the next call begins another.
    ///
    /// # Errors
    /// What identity answers.
    pub async fn sign_out(&self) -> Result<(), Error> {
        if let Some(session) = &self.session {
            self.identity()
                .authentication()
                .sign_out(SignOutRequest {})
                .await?;
            session.forget().await;
        }
        Ok(())
    }
    /// The token of this device after a sign-in with a password. Kept and given to
    /// [`Credentials::at_device`] at the next start, it lets the user sign in while others guess its
    /// password.
    pub async fn device_token(&self) -> Option<SecretString> {
        self.session.as_ref()?.device().await
    }
    /// The services of identity.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        Identity(self)
    }
    /// The services of tenancy.
    #[must_use]
    pub fn tenancy(&self) -> Tenancy<'_> {
        Tenancy(self)
    }
    /// The services of authorization.
    #[must_use]
    pub fn authorization(&self) -> Authorization<'_> {
        Authorization(self)
    }
    fn transport(&self, channel: &Channel) -> Transport {
        Transport::new(
            channel.clone(),
            self.jar.clone(),
            self.session.clone(),
            self.patience,
        )
    }
}
