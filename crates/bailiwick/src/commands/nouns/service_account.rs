//! `bailiwick service-account`.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use bailiwick_proto::identity::v1::{
    CreateServiceAccountRequest, DisableServiceAccountRequest, GetServiceAccountRequest,
    ListServiceAccountsRequest,
};

use super::all_pages;
use crate::{
    cli::Output,
    config::secret_file,
    connect::{Connection, find_account, message},
    output::answer,
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
    /// Take all access away from a service account.
    Disable(One),
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
            // Before the call: a secret that has nowhere to go would be lost.
            ensure!(!secret_out.exists(), "`{}` exists already", secret_out.display());
            let client = connection.client().await?;
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
            let secret = std::mem::take(&mut made.secret);
            secret_file(&secret_out, || secret)
                .with_context(|| format!("cannot write the secret to `{}`", secret_out.display()))?;
            answer(output, &made, "created")
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
