//! `bailiwick run`: a command beside a temporary suite.

use std::{ffi::OsString, path::PathBuf};

use anyhow::{Context, Result, bail};
use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::ApplyProductRequest;
use bailiwick_scenario::Suite;
use secrecy::ExposeSecret;

use crate::{
    config::secret_file,
    connect::message,
    suite::{
        self,
        temporary::{OPERATOR, Temporary},
    },
};

/// Arguments of `run`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Manifest of a product to apply first. May be repeated.
    #[arg(long = "product", value_name = "FILE")]
    products: Vec<PathBuf>,
    /// The command and its arguments.
    #[arg(required = true, last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// Starts the suite, runs the command and stops the suite; whether the command succeeded.
pub(crate) async fn run(arguments: &Args) -> Result<bool> {
    let mut manifests = Vec::new();
    for file in &arguments.products {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        manifests.push(text);
    }
    let suite = Temporary::start(([127, 0, 0, 1], 0).into()).await?;
    let came = beside(&suite, arguments, manifests).await;
    suite.running.stop().await;
    came
}

async fn beside(suite: &Temporary, arguments: &Args, manifests: Vec<String>) -> Result<bool> {
    let client = Client::lazy(&suite.endpoints())?.with_credentials(suite.operator());
    for manifest in manifests {
        let request = ApplyProductRequest {
            manifest,
            ..ApplyProductRequest::default()
        };
        message(client.authorization().product().apply_product(request).await)?;
    }
    let token = client.access_token().await.map_err(anyhow::Error::from)?;
    let token = token.context("the operator has no token")?;
    let password = suite.directory.path().join("operator-password");
    secret_file(&password, || suite.password.clone())?;
    let Some((program, rest)) = arguments.command.split_first() else {
        bail!("a command is required after `--`");
    };
    let mut child = tokio::process::Command::new(program)
        .args(rest)
        .env("BAILIWICK_ENDPOINT", format!("http://{}", suite.running.grpc))
        .env("BAILIWICK_TOKEN", token.expose_secret())
        .env("BAILIWICK_EMAIL", OPERATOR)
        .env("BAILIWICK_PASSWORD_FILE", &password)
        .env("BAILIWICK_CONFIG_DIR", suite.directory.path().join("profiles"))
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start `{}`", program.to_string_lossy()))?;
    tokio::select! {
        status = child.wait() => Ok(status.context("cannot wait for the command")?.success()),
        // A signal from the terminal reaches the command too; one from elsewhere ends it with us.
        signal = suite::stopped() => bail!("interrupted by {}", signal?),
    }
}
