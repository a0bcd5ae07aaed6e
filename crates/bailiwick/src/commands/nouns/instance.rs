//! `bailiwick instance`.

use anyhow::Result;
use bailiwick_proto::tenancy::v1::{
    CreateInstanceRequest, DeleteInstanceRequest, GetInstanceRequest, Instance, ListInstancesRequest,
    UpdateInstanceRequest,
};

use super::{all_pages, mask};
use crate::{
    cli::Output,
    connect::{Confirmation, Within, message},
    output::answer,
};

/// What to do with the instances of an account.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the instances that the caller may view.
    List {
        /// Only those whose title contains a text.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        within: Within,
    },
    /// Show an instance.
    Get {
        /// The instance, by id or title.
        instance: String,
        #[command(flatten)]
        within: Within,
    },
    /// Create an instance.
    Create {
        /// Its title.
        title: String,
        /// Its edition, where the product has editions.
        #[arg(long, value_name = "NAME")]
        edition: Option<String>,
        #[command(flatten)]
        within: Within,
    },
    /// Change the title of an instance.
    Update {
        /// The instance, by id or title.
        instance: String,
        /// Its new title.
        #[arg(long)]
        title: String,
        #[command(flatten)]
        within: Within,
    },
    /// Delete an instance.
    Delete {
        /// The instance, by id or title.
        instance: String,
        /// Also if it contains workspaces.
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        within: Within,
    },
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List { search, within } => {
            let at = within.open().await?;
            let request = ListInstancesRequest {
                account: at.account,
                search: search.unwrap_or_default(),
                ..ListInstancesRequest::default()
            };
            let all = all_pages!(at.client.tenancy().instance(), list_instances, request, instances);
            answer(output, &all, "none")
        }
        Command::Get { instance, within } => {
            let at = within.open().await?;
            let request = GetInstanceRequest {
                instance: at.instance(&instance).await?,
                account: at.account,
            };
            let answered = message(at.client.tenancy().instance().get_instance(request).await)?;
            answer(output, &answered, "none")
        }
        Command::Create {
            title,
            edition,
            within,
        } => {
            let at = within.open().await?;
            let request = CreateInstanceRequest {
                account: at.account,
                title,
                edition: edition.unwrap_or_default(),
                ..CreateInstanceRequest::default()
            };
            let made = message(at.client.tenancy().instance().create_instance(request).await)?;
            answer(output, &made, "created")
        }
        Command::Update {
            instance,
            title,
            within,
        } => {
            let at = within.open().await?;
            let request = UpdateInstanceRequest {
                instance: at.instance(&instance).await?,
                account: at.account,
                update_mask: Some(mask(&[("title", true)])),
                changes: Some(Instance {
                    title,
                    ..Instance::default()
                }),
                ..UpdateInstanceRequest::default()
            };
            let changed = message(at.client.tenancy().instance().update_instance(request).await)?;
            answer(output, &changed, "changed")
        }
        Command::Delete {
            instance,
            force,
            confirmation,
            within,
        } => {
            let at = within.open().await?;
            confirmation.ask(&format!("deleting instance {instance}"))?;
            let request = DeleteInstanceRequest {
                instance: at.instance(&instance).await?,
                account: at.account,
                force,
                ..DeleteInstanceRequest::default()
            };
            let gone = message(at.client.tenancy().instance().delete_instance(request).await)?;
            answer(output, &gone, "deleted")
        }
    }
}
