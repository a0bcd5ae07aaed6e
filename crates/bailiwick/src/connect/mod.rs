//! Clients made from the command line.

mod kept;
mod names;
pub(crate) mod profile;
mod prompt;
mod step_up;
pub(crate) mod tokens;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use bailiwick_client::{Client, Credentials, Endpoints, Tls};
use bailiwick_proto::identity::v1::GetUserRequest;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use tonic::{Response, Status};

use self::profile::Profile;
pub(crate) use self::{
    names::{find_account, find_user, own_accounts},
    prompt::{Confirmation, line as ask_line, secret as ask_secret},
    step_up::StepUp,
};
use crate::secret;

/// Where a suite listens that was started with its defaults.
const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7600";
/// An access token for programs that have nothing else, as `bailiwick run` gives one.
const TOKEN: &str = "BAILIWICK_TOKEN";
/// The profile of commands that name none.
const PROFILE: &str = "BAILIWICK_PROFILE";

/// How to reach a suite, and with which credentials.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Endpoint of the suite: one URL for all services, or `SERVICE=URL` for each of the three. That of the
    /// profile if absent, or else `http://127.0.0.1:7600`.
    #[arg(long, value_name = "URL", env = "BAILIWICK_ENDPOINT", value_delimiter = ',')]
    endpoint: Vec<String>,
    /// Profile to call with, made by `bailiwick login`; that in `BAILIWICK_PROFILE` if absent, or else
    /// `default`.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["email", "client_id"])]
    profile: Option<String>,
    /// E-mail address to sign in with.
    #[arg(long, env = "BAILIWICK_EMAIL", requires = "password_file")]
    email: Option<String>,
    /// File with the password in its first line.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Id of a service account, instead of an e-mail address.
    #[arg(
        long,
        env = "BAILIWICK_CLIENT_ID",
        requires = "client_secret_file",
        conflicts_with_all = ["email", "password_file"]
    )]
    client_id: Option<String>,
    /// File with the secret of the service account in its first line.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CLIENT_SECRET_FILE")]
    client_secret_file: Option<PathBuf>,
    /// File with the CA certificates (PEM) to trust for `https` endpoints.
    #[arg(long, value_name = "FILE", env = "BAILIWICK_CA_FILE")]
    ca_file: Option<PathBuf>,
}

/// An account to act in, and how to reach the suite.
#[derive(clap::Args, Debug)]
pub(crate) struct Within {
    /// The account, by id or title. That of the profile if absent, or the only one that the caller sees.
    #[arg(long, short, value_name = "ACCOUNT", env = "BAILIWICK_ACCOUNT")]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// A client in an account.
pub(crate) struct At {
    /// The client.
    pub(crate) client: Client,
    /// Id of the account.
    pub(crate) account: String,
}

impl Connection {
    /// A client with these credentials. Only that of a profile may call the suite first, to renew its
    /// session.
    pub(crate) async fn client(&self) -> Result<Client> {
        if let (Some(email), Some(_)) = (&self.email, &self.password_file) {
            let credentials = Credentials::password(email, self.password()?, None);
            return Ok(self.bare(&self.given_endpoint())?.with_credentials(credentials));
        }
        if let (Some(id), Some(file)) = (&self.client_id, &self.client_secret_file) {
            let credentials = Credentials::client(id, secret::first_line(file)?);
            return Ok(self.bare(&self.given_endpoint())?.with_credentials(credentials));
        }
        if self.named_profile().is_none()
            && let Ok(token) = std::env::var(TOKEN)
        {
            let credentials = Credentials::Bearer(token.into());
            return Ok(self.bare(&self.given_endpoint())?.with_credentials(credentials));
        }
        let Some(profile) = self.stored()? else {
            bail!(
                "no credentials: sign in with `bailiwick login`, or give `--email` and `--password-file`, or \
                 `--client-id` and `--client-secret-file`"
            );
        };
        let client = self.bare(&self.endpoint_of(&profile))?;
        let token = profile::access(&self.profile(), &client).await?;
        Ok(client.with_credentials(Credentials::Bearer(token)))
    }
    /// A client without credentials, for `login` and other `public` methods.
    pub(crate) fn anonymous(&self) -> Result<Client> {
        match self.stored()? {
            Some(profile) => self.bare(&self.endpoint_of(&profile)),
            None => self.bare(&self.given_endpoint()),
        }
    }
    /// The name of the profile.
    pub(crate) fn profile(&self) -> String {
        self.named_profile()
            .unwrap_or_else(|| profile::DEFAULT.to_owned())
    }
    /// The profile that is asked for. The variable is read here: other credentials are no contradiction to
    /// it, as they are to the argument.
    fn named_profile(&self) -> Option<String> {
        let variable = || std::env::var(PROFILE).ok().filter(|name| !name.is_empty());
        self.profile.clone().or_else(variable)
    }
    /// The profile, if these credentials are one's.
    fn stored(&self) -> Result<Option<Profile>> {
        if self.email.is_some() || self.client_id.is_some() {
            return Ok(None);
        }
        let name = self.profile();
        let found = profile::read(&name)?;
        ensure!(
            found.is_some() || self.named_profile().is_none(),
            "there is no profile `{name}`: `bailiwick login --as {name}` makes it"
        );
        Ok(found)
    }
    /// The e-mail address and password that are given, for `login`.
    pub(crate) fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }
    /// The password in the file.
    pub(crate) fn password(&self) -> Result<SecretString> {
        let file = self.password_file.as_deref();
        secret::first_line(file.context("`--password-file` is required")?)
    }
    /// Whether a file with the password is given.
    pub(crate) fn has_password(&self) -> bool {
        self.password_file.is_some()
    }
    /// The endpoint as given, or the default one.
    pub(crate) fn given_endpoint(&self) -> Vec<String> {
        if self.endpoint.is_empty() {
            vec![DEFAULT_ENDPOINT.to_owned()]
        } else {
            self.endpoint.clone()
        }
    }
    /// The file with CA certificates.
    pub(crate) fn ca_file(&self) -> Option<&PathBuf> {
        self.ca_file.as_ref()
    }
    fn endpoint_of(&self, profile: &Profile) -> Vec<String> {
        if self.endpoint.is_empty() {
            profile.endpoint.clone()
        } else {
            self.endpoint.clone()
        }
    }
    fn bare(&self, endpoint: &[String]) -> Result<Client> {
        let mut endpoints = endpoints(endpoint)?;
        let stored = match &self.ca_file {
            Some(_) => None,
            None => self.stored()?.and_then(|profile| profile.ca_file),
        };
        if let Some(file) = self.ca_file.clone().or(stored) {
            endpoints = endpoints.tls(Tls::Ca(file));
        }
        Ok(Client::lazy(&endpoints)?.with_tokens(tokens::jar(endpoint)))
    }
}

impl Within {
    /// The account, and a client that acts in it. Members of an account have to sign in for it; operators and
    /// service accounts act in every account that their roles reach.
    pub(crate) async fn open(&self) -> Result<At> {
        self.open_for("").await
    }
    /// The same for a target, which names its account if it is one.
    pub(crate) async fn open_for(&self, target: &str) -> Result<At> {
        let connection = &self.connection;
        let client = connection.client().await?;
        let of_profile = connection.stored()?.and_then(|profile| profile.account);
        let named = target
            .strip_prefix("account:")
            .filter(|id| id.starts_with("acct_"));
        let account = match (self.account.as_deref().or(named), of_profile) {
            (Some(text), _) => find_account(&client, text).await?,
            (None, Some(account)) => account,
            (None, None) => names::only_account(&client).await?,
        };
        let client = match &connection.email {
            Some(email) if !is_operator(&client).await? => {
                let credentials = Credentials::password(email, connection.password()?, Some(account.clone()));
                client.with_credentials(credentials)
            }
            _ => client,
        };
        Ok(At { client, account })
    }
}

/// The subject of the caller, `TYPE:ID`.
pub(crate) async fn caller(client: &Client) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Claims {
        sub: String,
    }
    let token = client.access_token().await.map_err(anyhow::Error::from)?;
    let token = token.context("the caller has no credentials")?;
    let payload = token.expose_secret().split('.').nth(1).unwrap_or_default();
    let claims = BASE64_URL_SAFE_NO_PAD.decode(payload).ok();
    let claims: Option<Claims> = claims.and_then(|json| serde_json::from_slice(&json).ok());
    Ok(claims.context("the access token names no subject")?.sub)
}

async fn is_operator(client: &Client) -> Result<bool> {
    let subject = caller(client).await?;
    let Some(user) = subject.strip_prefix("user:").map(str::to_owned) else {
        return Ok(false);
    };
    let answer = client.identity().user().get_user(GetUserRequest { user }).await;
    Ok(message(answer)?.user.unwrap_or_default().operator)
}

/// The message of a response, or the status of a failed call as an error.
pub(crate) fn message<T>(response: Result<Response<T>, Status>) -> Result<T> {
    response.map(Response::into_inner).map_err(error)
}

/// A failed call as an error.
pub(crate) fn error(status: Status) -> anyhow::Error {
    bailiwick_client::Error::from(status).into()
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
