//! `bailiwick token`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use bailiwick_proto::identity::v1::{IntrospectRequest, RevokeTokenRequest};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    cli::Output,
    connect::{Connection, Within, message},
    output::{self, answer},
    secret,
};

/// What to do with tokens.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Print an access token of the caller, for a program that cannot sign in itself.
    Issue(Within),
    /// Show what a token says and whether it is good.
    Introspect(One),
    /// Revoke a token before its time; a refresh token ends its session.
    Revoke(One),
}

/// One token.
#[derive(clap::Args, Debug)]
pub(crate) struct One {
    /// File with the token in its first line.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::Issue(within) => {
            let client = match &within.account {
                Some(_) => within.open().await?.client,
                None => within.connection.client().await?,
            };
            let token = client.access_token().await.map_err(anyhow::Error::from)?;
            let token = token.context("the caller has no credentials")?;
            let value = json!({"access_token": token.expose_secret()});
            output::print(output, &value, |_| token.expose_secret().to_owned())
        }
        Command::Introspect(One { file, connection }) => {
            let client = connection.client().await?;
            let token = secret::first_line(&file)?.expose_secret().to_owned();
            let request = IntrospectRequest { token };
            let answered = message(client.identity().token().introspect(request).await)?;
            answer(output, &answered, "not active")
        }
        Command::Revoke(One { file, connection }) => {
            let client = connection.client().await?;
            let token = secret::first_line(&file)?.expose_secret().to_owned();
            let request = RevokeTokenRequest {
                token,
                ..RevokeTokenRequest::default()
            };
            answer(
                output,
                &message(client.identity().token().revoke_token(request).await)?,
                "revoked",
            )
        }
    }
}
