//! `bailiwick workspace`.

use std::path::PathBuf;

use anyhow::Result;
use bailiwick_proto::tenancy::v1::{
    CreateWorkspaceRequest, DeleteWorkspaceRequest, GetWorkspaceRequest, ListWorkspacesRequest,
    MoveWorkspaceRequest, UpdateWorkspaceRequest, Workspace,
};
use secrecy::ExposeSecret;

use super::{DryRun, all_pages, mask};
use crate::{
    cli::Output,
    connect::{Confirmation, Within, find_account, message},
    output::answer,
    secret,
};

/// What to do with the workspaces of an account.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the workspaces that the caller may view.
    List {
        /// Only those directly in a scope: `account`, or `instance:` with an id or a title.
        #[arg(long, value_name = "SCOPE")]
        parent: Option<String>,
        /// Only those whose title contains a text.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// `title` or `create_time`, with ` desc` for the other direction.
        #[arg(long, value_name = "FIELD")]
        order_by: Option<String>,
        #[command(flatten)]
        within: Within,
    },
    /// Show a workspace.
    Get {
        /// The workspace, by id or title.
        workspace: String,
        #[command(flatten)]
        within: Within,
    },
    /// Create a workspace.
    Create {
        /// Its title.
        title: String,
        /// Where: `account`, or `instance:` with an id or a title.
        #[arg(long, value_name = "SCOPE", default_value = "account")]
        parent: String,
        #[command(flatten)]
        within: Within,
    },
    /// Change the title of a workspace.
    Update {
        /// The workspace, by id or title.
        workspace: String,
        /// Its new title.
        #[arg(long)]
        title: String,
        #[command(flatten)]
        within: Within,
    },
    /// Move a workspace with all that it contains to another place of the account or to another account.
    Move {
        /// The workspace, by id or title.
        workspace: String,
        /// Where to: `account`, or `instance:` with an id or a title (an id in another account).
        #[arg(long, value_name = "SCOPE", default_value = "account")]
        parent: String,
        /// The other account, by id or title.
        #[arg(long, value_name = "ACCOUNT")]
        to_account: Option<String>,
        /// File with an access token for the other account in its first line.
        #[arg(long, value_name = "FILE", requires = "to_account")]
        target_token_file: Option<PathBuf>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Delete a workspace.
    Delete {
        /// The workspace, by id or title.
        workspace: String,
        /// Also if it contains resources.
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
        Command::List {
            parent,
            search,
            order_by,
            within,
        } => {
            let at = within.open().await?;
            let parent = match parent {
                Some(parent) => at.scope(&parent).await?,
                None => String::new(),
            };
            let request = ListWorkspacesRequest {
                account: at.account,
                parent,
                search: search.unwrap_or_default(),
                order_by: order_by.unwrap_or_default(),
                ..ListWorkspacesRequest::default()
            };
            let all = all_pages!(
                at.client.tenancy().workspace(),
                list_workspaces,
                request,
                workspaces
            );
            answer(output, &all, "none")
        }
        Command::Get { workspace, within } => {
            let at = within.open().await?;
            let request = GetWorkspaceRequest {
                workspace: at.workspace(&workspace).await?,
                account: at.account,
            };
            let answered = message(at.client.tenancy().workspace().get_workspace(request).await)?;
            answer(output, &answered, "none")
        }
        Command::Create {
            title,
            parent,
            within,
        } => {
            let at = within.open().await?;
            let request = CreateWorkspaceRequest {
                parent: at.scope(&parent).await?,
                account: at.account,
                title,
                ..CreateWorkspaceRequest::default()
            };
            let made = message(at.client.tenancy().workspace().create_workspace(request).await)?;
            answer(output, &made, "created")
        }
        Command::Update {
            workspace,
            title,
            within,
        } => {
            let at = within.open().await?;
            let request = UpdateWorkspaceRequest {
                workspace: at.workspace(&workspace).await?,
                account: at.account,
                update_mask: Some(mask(&[("title", true)])),
                changes: Some(Workspace {
                    title,
                    ..Workspace::default()
                }),
                ..UpdateWorkspaceRequest::default()
            };
            let changed = message(at.client.tenancy().workspace().update_workspace(request).await)?;
            answer(output, &changed, "changed")
        }
        Command::Move {
            workspace,
            parent,
            to_account,
            target_token_file,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let (target_account, parent) = match to_account {
                None => (String::new(), at.scope(&parent).await?),
                Some(account) => {
                    let account = find_account(&at.client, &account).await?;
                    let parent = if parent == "account" {
                        format!("account:{account}")
                    } else {
                        parent
                    };
                    (account, parent)
                }
            };
            let token = target_token_file
                .map(|file| secret::first_line(&file))
                .transpose()?;
            let request = MoveWorkspaceRequest {
                workspace: at.workspace(&workspace).await?,
                account: at.account,
                target_account,
                parent,
                target_access_token: token
                    .map(|token| token.expose_secret().to_owned())
                    .unwrap_or_default(),
                validate_only: dry_run.dry_run,
                ..MoveWorkspaceRequest::default()
            };
            let moved = message(at.client.tenancy().workspace().move_workspace(request).await)?;
            dry_run.answer(output, &moved, "moved")
        }
        Command::Delete {
            workspace,
            force,
            confirmation,
            within,
        } => {
            let at = within.open().await?;
            confirmation.ask(&format!("deleting workspace {workspace}"))?;
            let request = DeleteWorkspaceRequest {
                workspace: at.workspace(&workspace).await?,
                account: at.account,
                force,
                ..DeleteWorkspaceRequest::default()
            };
            let gone = message(at.client.tenancy().workspace().delete_workspace(request).await)?;
            answer(output, &gone, "deleted")
        }
    }
}
