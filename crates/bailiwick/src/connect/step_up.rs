//! Methods that the caller has to prove itself for anew.

use anyhow::Result;
use bailiwick_client::{Client, Error};
use bailiwick_proto::identity::v1::ReauthenticateRequest;
use secrecy::ExposeSecret;
use tonic::{Response, Status};

use super::{Connection, ask_line, ask_secret, message};

/// Proves the caller for one method.
pub(crate) struct StepUp<'a> {
    /// Whose password file is read; without one the terminal is asked.
    pub(crate) connection: &'a Connection,
    /// The method, `bailiwick.SERVICE.v1.NAME/METHOD`.
    pub(crate) method: &'static str,
}

impl StepUp<'_> {
    /// Calls the method, and once more after the proof that it required.
    pub(crate) async fn call<T, F>(&self, client: &Client, call: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let refused = match call().await {
            Ok(answer) => return Ok(answer.into_inner()),
            Err(status) => Error::from(status),
        };
        if refused.reason() != Some("STEP_UP_REQUIRED") {
            return Err(refused.into());
        }
        let (password, code) = if self.connection.has_password() {
            (self.connection.password()?, String::new())
        } else {
            let password = ask_secret("This needs your password once more: ")?;
            (
                password,
                ask_line("Code of your authenticator (empty without one): ")?,
            )
        };
        let request = ReauthenticateRequest {
            password: password.expose_secret().to_owned(),
            method: self.method.to_owned(),
            code,
        };
        message(client.identity().authentication().reauthenticate(request).await)?;
        message(call().await)
    }
}
