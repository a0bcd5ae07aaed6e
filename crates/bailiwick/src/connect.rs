//! Clients made from the command line.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use bailiwick_client::{Client, Credentials, Endpoints, Tls};
use secrecy::ExposeSecret as _;
use tonic::{Response, Status};

use crate::secret;

/// How to reach a suite, and with which credentials.
#[derive(clap::Args, Debug)]
pub(crate) struct Connection {
    /// Endpoint of the suite: one URL for all services, or `SERVICE=URL` for each of the three.
    #[arg(
        long,
        value_name = "URL",
        env = "BAILIWICK_ENDPOINT",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:7600"
    )]
    endpoint: Vec<String>,
    /// E-mail address to sign in with.
    #[arg(long, env = "BAILIWICK_EMAIL", required_unless_present = "client_id")]
    email: Option<String>,
    /// File with the password in its first line.
    #[arg(
        long,
        value_name = "FILE",
        env = "BAILIWICK_PASSWORD_FILE",
        required_unless_present = "client_id"
    )]
    password_file: Option<PathBuf>,
    /// Id of a service account, instead of an e-mail address.
    #[arg(long, env = "BAILIWICK_CLIENT_ID", requires = "client_secret_file", conflicts_with_all = ["email", "password_file"])]
    client_id: Option<String>,
    /// File with the secret of the service account in its first line.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CLIENT_SECRET_FILE")]
    client_secret_file: Option<PathBuf>,
    /// File with the CA certificates (PEM) to trust for `https` endpoints.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CA_FILE")]
    ca_file: Option<PathBuf>,
}

impl Connection {
    /// A client with these credentials, which connects at its first call.
    pub(crate) fn client(&self) -> Result<Client> {
        let mut endpoints = endpoints(&self.endpoint)?;
        if let Some(file) = &self.ca_file {
            endpoints = endpoints.tls(Tls::Ca(file.clone()));
        }
        let credentials = match (&self.email, &self.client_id) {
            (Some(email), _) => {
                let file = self.password_file.as_deref();
                let file = file.context("`--password-file` is required")?;
                Credentials::password(email, secret::first_line(file)?, None)
            }
            (None, Some(id)) => {
                let file = self.client_secret_file.as_deref();
                let file = file.context("`--client-secret-file` is required")?;
                Credentials::client(id, secret::first_line(file)?)
            }
            (None, None) => bail!("`--email` or `--client-id` is required"),
        };
        Ok(Client::lazy(&endpoints)?.with_credentials(credentials))
    }
    /// The password, where a user signs in: to be proved once more for a single call.
    pub(crate) fn password(&self) -> Result<Option<String>> {
        let file = self.password_file.as_deref().filter(|_| self.email.is_some());
        let password = file.map(secret::first_line).transpose()?;
        Ok(password.map(|password| password.expose_secret().to_owned()))
    }
}

/// The message of a response, or the status of a failed call as an error.
pub(crate) fn message<T>(response: Result<Response<T>, Status>) -> Result<T> {
    response.map(Response::into_inner).map_err(error)
}

/// A failed call as an error.
pub(crate) fn error(status: Status) -> anyhow::Error {
    bailiwick_client::Error::from(status).into()
}

/// The account given by `--account`, or the target if that is an account.
pub(crate) fn account_of(given: Option<&str>, target: &str) -> Result<String> {
    let account = given.or_else(|| target.strip_prefix("account:"));
    let account =
        account.with_context(|| format!("`--account ID` is required: `{target}` is not an account"))?;
    Ok(account.to_owned())
}

/// Reads one URL for all services, or `SERVICE=URL` for each of the three.
pub(crate) fn endpoints(given: &[String]) -> Result<Endpoints> {
    if let [one] = given
        && !one.contains('=')
    {
        return Ok(Endpoints::one(one));
    }
    let of = |service: &str| {
        let prefix = format!("{service}=");
        let found = given.iter().find_map(|e| e.strip_prefix(&prefix));
        found
            .map(str::to_owned)
            .with_context(|| format!("no endpoint for `{service}`: give one URL, or `{service}=URL`"))
    };
    let (identity, tenancy, authorization) = (of("identity")?, of("tenancy")?, of("authorization")?);
    if given.len() != 3 {
        bail!("give one URL, or `identity=URL`, `tenancy=URL` and `authorization=URL` once each");
    }
    Ok(Endpoints::each(identity, tenancy, authorization))
}

#[cfg(test)]
mod tests {
    use super::endpoints;

    fn given(all: &[&str]) -> Vec<String> {
        all.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn endpoints_are_one_or_one_a_service() {
        assert!(endpoints(&given(&["http://a:1"])).is_ok());
        assert!(
            endpoints(&given(&[
                "identity=http://a:1",
                "tenancy=http://b:1",
                "authorization=http://c:1"
            ]))
            .is_ok()
        );
        let error = endpoints(&given(&["identity=http://a:1", "tenancy=http://b:1"])).unwrap_err();
        assert!(
            error.to_string().contains("no endpoint for `authorization`"),
            "{error}"
        );
    }
}
