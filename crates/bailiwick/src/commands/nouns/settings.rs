//! `bailiwick settings`.

use anyhow::Result;
use bailiwick_proto::tenancy::v1::{GetSettingsRequest, UpdateSettingsRequest};
use bailiwick_rpc::wire;
use serde_json::Value;

use super::named_value;
use crate::{
    cli::Output,
    connect::{Within, message},
    output::answer,
};

/// What to do with the settings of an account.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Show the settings, defaults included.
    Get(Within),
    /// Set some settings; the others stay as they are.
    Set {
        /// VALUE is JSON or else text; `null` goes back to the default.
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = named_value)]
        values: Vec<(String, Value)>,
        #[command(flatten)]
        within: Within,
    },
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::Get(within) => {
            let at = within.open().await?;
            let request = GetSettingsRequest { account: at.account };
            let answered = message(at.client.tenancy().settings().get_settings(request).await)?;
            answer(output, &answered, "none")
        }
        Command::Set { values, within } => {
            let at = within.open().await?;
            let request = UpdateSettingsRequest {
                account: at.account,
                values: Some(wire::struct_of(values)),
                ..UpdateSettingsRequest::default()
            };
            let changed = message(at.client.tenancy().settings().update_settings(request).await)?;
            answer(output, &changed, "set")
        }
    }
}
