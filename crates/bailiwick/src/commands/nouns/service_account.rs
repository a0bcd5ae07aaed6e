//! `bailiwick service-account`.

use std::path::PathBuf;

use anyhow::Result;
use bailiwick_proto::identity::v1::{
    CreateServiceAccountRequest, DeleteServiceAccountRequest, DisableServiceAccountRequest,
    GetServiceAccountRequest, ListServiceAccountsRequest, RotateServiceAccountSecretRequest,
};
use bailiwick_rpc::HumanDuration;

use super::{all_pages, key::duration};
use crate::{
    cli::Output,
    connect::{Confirmation, Connection, StepUp, find_account, message},
    output::answer,
    secret::NewFile,
};

/// What to do with service accounts.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List service accounts.
    List {
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a service account.
    Get(One),
    /// Create a service account and write its secret to a file.
    Create {
        /// Its title.
        title: String,
        /// Where it has its role: `deployment`, `product:NAME`, or `account:` with an id or a title.
        #[arg(long, value_name = "SCOPE")]
        on: String,
        /// Its role there.
        #[arg(long, value_name = "NAME")]
        role: Option<String>,
        /// File for the secret; it is created with mode 0600 and must not exist.
        #[arg(long, value_name = "FILE")]
        secret_out: PathBuf,
        #[command(flatten)]
        connection: Connection,
    },
    /// Give a service account a new secret, and write it to a file.
    ///
    /// The old secret serves on for a while, so that the new one can be deployed. No third one is given
    /// meanwhile, unless `--replace-new` discards the newer one.
    Rotate(Rotate),
    /// Take all access away from a service account.
    Disable(One),
    /// Delete a service account: it has no access any more, and its id is not used again.
    Delete {
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        one: One,
    },
}

/// Arguments of `service-account rotate`.
#[derive(clap::Args, Debug)]
pub(crate) struct Rotate {
    /// How long the old secret serves on: at most 90d, 7d if not given; `0s` ends it at once.
    #[arg(long, value_name = "DURATION")]
    old_secret_lifetime: Option<HumanDuration>,
    /// Discard the newer of two secrets, never the one that is deployed.
    #[arg(long)]
    replace_new: bool,
    /// File for the secret; it is created with mode 0600 and must not exist.
    #[arg(long, value_name = "FILE")]
    secret_out: PathBuf,
    #[command(flatten)]
    one: One,
}

/// One service account.
#[derive(clap::Args, Debug)]
pub(crate) struct One {
    /// Id of the service account.
    service_account: String,
    #[command(flatten)]
    connection: Connection,
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List { connection } => {
            let client = connection.client().await?;
            let service = client.identity().service_account();
            let request = ListServiceAccountsRequest::default();
            let all = all_pages!(service, list_service_accounts, request, service_accounts);
            answer(output, &all, "none")
        }
        Command::Get(One {
            service_account,
            connection,
        }) => {
            let client = connection.client().await?;
            let request = GetServiceAccountRequest { service_account };
            let answered = message(
                client
                    .identity()
                    .service_account()
                    .get_service_account(request)
                    .await,
            )?;
            answer(output, &answered, "none")
        }
        Command::Create {
            title,
            on,
            role,
            secret_out,
            connection,
        } => {
            let client = connection.client().await?;
            let file = NewFile::create(&secret_out)?;
            let scope = match on.strip_prefix("account:") {
                Some(account) => format!("account:{}", find_account(&client, account).await?),
                None => on,
            };
            let request = CreateServiceAccountRequest {
                title,
                scope,
                role: role.unwrap_or_default(),
                ..CreateServiceAccountRequest::default()
            };
            let mut service = client.identity().service_account();
            let mut made = message(service.create_service_account(request).await)?;
            file.write(&std::mem::take(&mut made.secret).into())?;
            answer(output, &made, "created")
        }
        Command::Rotate(arguments) => {
            let client = arguments.one.connection.client().await?;
            let file = NewFile::create(&arguments.secret_out)?;
            let request = RotateServiceAccountSecretRequest {
                service_account: arguments.one.service_account,
                old_secret_lifetime: arguments.old_secret_lifetime.map(duration).transpose()?,
                replace_new: arguments.replace_new,
                ..RotateServiceAccountSecretRequest::default()
            };
            let mut service = client.identity().service_account();
            let mut done = message(service.rotate_service_account_secret(request).await)?;
            file.write(&std::mem::take(&mut done.secret).into())?;
            answer(output, &done, "the old secret has ended")
        }
        Command::Delete { confirmation, one } => {
            confirmation.ask(&format!("deleting {}", one.service_account))?;
            let client = one.connection.client().await?;
            let step_up = StepUp {
                connection: &one.connection,
                method: "bailiwick.identity.v1.ServiceAccountService/DeleteServiceAccount",
            };
            let call = || {
                let request = DeleteServiceAccountRequest {
                    service_account: one.service_account.clone(),
                };
                let mut service = client.identity().service_account();
                async move { service.delete_service_account(request).await }
            };
            answer(output, &step_up.call(&client, call).await?, "deleted")
        }
        Command::Disable(One {
            service_account,
            connection,
        }) => {
            let client = connection.client().await?;
            let request = DisableServiceAccountRequest { service_account };
            let mut service = client.identity().service_account();
            answer(
                output,
                &message(service.disable_service_account(request).await)?,
                "disabled",
            )
        }
    }
}
