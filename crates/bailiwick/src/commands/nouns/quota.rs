//! `bailiwick quota`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{ListQuotasRequest, SetQuotaRequest};

use super::all_pages;
use crate::{
    cli::Output,
    connect::{Within, message},
    output::answer,
};

/// What to do with quotas.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List quotas.
    List {
        /// Only those of a user, by e-mail address or id.
        #[arg(long, value_name = "USER")]
        of: Option<String>,
        #[command(flatten)]
        within: Within,
    },
    /// Set or remove the quota of a user.
    Set {
        /// The user, by e-mail address or id.
        user: String,
        /// The type of resources.
        #[arg(value_name = "TYPE")]
        of_type: String,
        /// How many the user may own; no limit of its own if absent.
        limit: Option<u32>,
        #[command(flatten)]
        within: Within,
    },
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List { of, within } => {
            let at = within.open().await?;
            let user = match of {
                Some(user) => at.user(&user).await?,
                None => String::new(),
            };
            let request = ListQuotasRequest {
                account: at.account,
                user,
                ..ListQuotasRequest::default()
            };
            answer(
                output,
                &all_pages!(at.client.authorization().quota(), list_quotas, request, quotas),
                "none",
            )
        }
        Command::Set {
            user,
            of_type,
            limit,
            within,
        } => {
            let at = within.open().await?;
            let request = SetQuotaRequest {
                user: at.user(&user).await?,
                account: at.account,
                r#type: of_type,
                limit,
            };
            let done = message(at.client.authorization().quota().set_quota(request).await)?;
            answer(output, &done, "set")
        }
    }
}
