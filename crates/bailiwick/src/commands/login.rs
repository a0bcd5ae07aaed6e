//! `bailiwick login`, `logout` and `whoami`.

use anyhow::{Context, Result};
use bailiwick_client::{Client, Credentials};
use bailiwick_proto::identity::v1::{
    GetUserRequest, SignInRequest, SignOutRequest, TokenPair, VerifySecondFactorRequest,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{
    cli::Output,
    connect::{
        Connection, ask_line, ask_secret, caller, find_account, message, own_accounts,
        profile::{self, Held, Profile},
    },
    output,
};

/// Arguments of `login`.
#[derive(clap::Args, Debug)]
pub(crate) struct Login {
    /// Name of the profile to keep the session under.
    #[arg(long = "as", value_name = "NAME", default_value = profile::DEFAULT)]
    name: String,
    /// The account to act in, by id or title. Operators need none.
    #[arg(long, short, value_name = "ACCOUNT", env = "BAILIWICK_ACCOUNT")]
    account: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Signs in and keeps the session.
pub(crate) async fn login(arguments: &Login, output: Output) -> Result<()> {
    let connection = &arguments.connection;
    let client = connection.anonymous()?;
    let email = match connection.email() {
        Some(email) => email.to_owned(),
        None => ask_line("E-mail address: ")?,
    };
    let password = if connection.has_password() {
        connection.password()?
    } else {
        ask_secret("Password: ")?
    };
    let before = profile::read(&arguments.name)?.filter(|before| before.email == email);
    let mut device = before.and_then(|before| before.device_token);
    let sign_in = Attempt {
        client: &client,
        email: &email,
        password: &password,
    };
    let mut tokens = sign_in.run(None, &mut device).await?;
    let mut account = None;
    if let Some(text) = &arguments.account {
        // Which accounts there are is known to who has signed in.
        let bearer = Credentials::Bearer(tokens.access_token.clone().into());
        let known = client.with_credentials(bearer);
        let id = find_account(&known, text).await?;
        message(
            known
                .identity()
                .authentication()
                .sign_out(SignOutRequest {})
                .await,
        )?;
        tokens = sign_in.run(Some(&id), &mut device).await?;
        account = Some(id);
    }
    let path = profile::path()?;
    Held::take()?.put(
        &arguments.name,
        Profile {
            endpoint: connection.given_endpoint(),
            ca_file: connection.ca_file().cloned(),
            email: email.clone(),
            account: account.clone(),
            device_token: device,
            tokens: Some(tokens.into()),
        },
    )?;
    let value = json!({"profile": arguments.name, "email": email, "account": account, "file": path});
    output::print(output, &value, |_| {
        let account = account
            .as_deref()
            .map(|id| format!(" in {id}"))
            .unwrap_or_default();
        format!(
            "signed in as {email}{account}; profile `{}` in `{}`",
            arguments.name,
            path.display()
        )
    })
}

/// A sign-in, which may have to be repeated for an account.
struct Attempt<'a> {
    client: &'a Client,
    email: &'a str,
    password: &'a SecretString,
}

impl Attempt<'_> {
    async fn run(&self, account: Option<&str>, device: &mut Option<String>) -> Result<TokenPair> {
        let identity = self.client.identity();
        let request = SignInRequest {
            email: self.email.to_owned(),
            password: self.password.expose_secret().to_owned(),
            account: account.unwrap_or_default().to_owned(),
            device_token: device.clone().unwrap_or_default(),
        };
        let answer = message(identity.authentication().sign_in(request).await)?;
        let (tokens, known) = match answer.challenge {
            None => (answer.tokens, answer.device_token),
            Some(challenge) => {
                let code = ask_line("Code of your authenticator, or a recovery code: ")?;
                // The codes of an authenticator are six digits.
                let six_digits = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
                let (code, recovery_code) = if six_digits {
                    (code, String::new())
                } else {
                    (String::new(), code)
                };
                let request = VerifySecondFactorRequest {
                    challenge: challenge.challenge,
                    code,
                    recovery_code,
                };
                let answer = message(identity.authentication().verify_second_factor(request).await)?;
                (answer.tokens, answer.device_token)
            }
        };
        if !known.is_empty() {
            *device = Some(known);
        }
        tokens.context("the response contains no tokens")
    }
}

/// Arguments of `logout`.
#[derive(clap::Args, Debug)]
pub(crate) struct Logout {
    #[command(flatten)]
    connection: Connection,
}

/// Ends the session of a profile.
pub(crate) async fn logout(arguments: &Logout, output: Output) -> Result<()> {
    let connection = &arguments.connection;
    let client = connection.client().await?;
    message(
        client
            .identity()
            .authentication()
            .sign_out(SignOutRequest {})
            .await,
    )?;
    let mut held = Held::take()?;
    if let Some(profile) = held.profile(&connection.profile()).cloned() {
        let ended = Profile {
            tokens: None,
            ..profile
        };
        held.put(&connection.profile(), ended)?;
    }
    let value = json!({"profile": connection.profile()});
    output::print(output, &value, |_| "signed out".to_owned())
}

/// Arguments of `whoami`.
#[derive(clap::Args, Debug)]
pub(crate) struct WhoAmI {
    #[command(flatten)]
    connection: Connection,
}

/// Shows who the caller is, and the accounts in which it has any permission.
pub(crate) async fn who_am_i(arguments: &WhoAmI, output: Output) -> Result<()> {
    let client = arguments.connection.client().await?;
    let subject = caller(&client).await?;
    let user = match subject.strip_prefix("user:") {
        Some(user) => {
            let request = GetUserRequest {
                user: user.to_owned(),
            };
            message(client.identity().user().get_user(request).await)?.user
        }
        None => None,
    };
    let accounts = own_accounts(&client).await?;
    let titles: Vec<_> = accounts
        .iter()
        .map(|(title, id)| json!({"account": id, "title": title}))
        .collect();
    let value = json!({
        "subject": subject,
        "email": user.as_ref().map(|user| &user.email),
        "display_name": user.as_ref().map(|user| &user.display_name),
        "operator": user.as_ref().is_some_and(|user| user.operator),
        "accounts": titles,
    });
    output::print(output, &value, |_| {
        let mut text = match &user {
            Some(user) => format!("{} ({subject})", user.email),
            None => subject.clone(),
        };
        if user.as_ref().is_some_and(|user| user.operator) {
            text += ", operator of the deployment";
        }
        let rows = accounts.iter().map(|(title, id)| vec![title.clone(), id.clone()]);
        if accounts.is_empty() {
            return text;
        }
        format!("{text}\n{}", output::table(&["account", "id"], rows))
    })
}
