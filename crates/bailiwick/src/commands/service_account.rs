//! `bailiwick service-account`.

use std::path::PathBuf;

use anyhow::Result;
use bailiwick_proto::identity::v1::{DeleteServiceAccountRequest, RotateServiceAccountSecretRequest};
use bailiwick_rpc::HumanDuration;
use serde_json::json;

use super::key::duration;
use crate::{
    cli::Output,
    connect::{self, Connection},
    output,
    secret::NewFile,
};

const DELETE: &str = "bailiwick.identity.v1.ServiceAccountService/DeleteServiceAccount";

/// Commands about service accounts.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Give a service account a new secret, and write it to a file.
    ///
    /// The old secret serves on for a while, so that the new one can be deployed. No third one is given
    /// meanwhile, unless `--replace-new` discards the newer one.
    Rotate(Rotate),
    /// Delete a service account: it has no access any more, and its id is not used again.
    Delete(Delete),
}

/// Arguments of `service-account rotate`.
#[derive(clap::Args, Debug)]
pub(crate) struct Rotate {
    /// Id of the service account.
    service_account: String,
    /// How long the old secret serves on: at most 90d, 7d if not given; `0s` ends it at once.
    #[arg(long, value_name = "DURATION")]
    old_secret_lifetime: Option<HumanDuration>,
    /// Discard the newer of two secrets, never the one that is deployed.
    #[arg(long)]
    replace_new: bool,
    /// File to write the secret to; it is created with mode 0600 and must not exist.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

/// Arguments of `service-account delete`.
#[derive(clap::Args, Debug)]
pub(crate) struct Delete {
    /// Id of the service account.
    service_account: String,
    #[command(flatten)]
    connection: Connection,
}

/// Rotates the secret of a service account or deletes it.
pub(crate) async fn run(command: &Command, output: Output) -> Result<()> {
    match command {
        Command::Rotate(arguments) => rotate(arguments, output).await,
        Command::Delete(arguments) => delete(arguments, output).await,
    }
}

async fn rotate(arguments: &Rotate, output: Output) -> Result<()> {
    let client = arguments.connection.client()?;
    let file = NewFile::create(&arguments.out)?;
    let request = RotateServiceAccountSecretRequest {
        service_account: arguments.service_account.clone(),
        old_secret_lifetime: arguments.old_secret_lifetime.map(duration).transpose()?,
        replace_new: arguments.replace_new,
        request_id: String::new(),
    };
    let mut service = client.identity().service_account();
    let done = connect::message(service.rotate_service_account_secret(request).await)?;
    file.write(&done.secret.into())?;
    let ends = done.old_secret_expire_time.map(|at| at.to_string());
    let value = json!({
        "service_account": arguments.service_account,
        "file": arguments.out.display().to_string(),
        "old_secret_ends": ends,
    });
    output::print(output, &value, |_| {
        let old = match &ends {
            Some(ends) => format!("the old one ends at {ends}"),
            None => "the old one has ended".to_owned(),
        };
        let file = arguments.out.display();
        format!(
            "the new secret of {} is in `{file}`; {old}",
            arguments.service_account
        )
    })
}

async fn delete(arguments: &Delete, output: Output) -> Result<()> {
    let client = arguments.connection.client()?;
    arguments.connection.step_up(&client, DELETE).await?;
    let request = DeleteServiceAccountRequest {
        service_account: arguments.service_account.clone(),
    };
    let mut service = client.identity().service_account();
    connect::message(service.delete_service_account(request).await)?;
    let value = json!({ "service_account": arguments.service_account });
    output::print(output, &value, |_| {
        format!("deleted {}", arguments.service_account)
    })
}
