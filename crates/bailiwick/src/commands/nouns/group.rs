//! `bailiwick group`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{
    AddGroupMemberRequest, CreateGroupRequest, DeleteGroupRequest, ListGroupMembersRequest,
    ListGroupsRequest, RemoveGroupMemberRequest,
};

use super::{DryRun, all_pages};
use crate::{
    cli::Output,
    connect::{Within, message},
    output::answer,
};

/// What to do with groups.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the groups.
    List(Within),
    /// Create a group.
    Create {
        /// Its title.
        title: String,
        #[command(flatten)]
        within: Within,
    },
    /// List the members of a group.
    Members {
        /// The group, by id or title.
        group: String,
        #[command(flatten)]
        within: Within,
    },
    /// Add a member to a group.
    Add(Membership),
    /// Remove a member from a group.
    Remove(Membership),
    /// Delete a group.
    Delete {
        /// The group, by id or title.
        group: String,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
}

/// A member of a group.
#[derive(clap::Args, Debug)]
pub(crate) struct Membership {
    /// The group, by id or title.
    group: String,
    /// Who: an e-mail address, `me`, `user:`, `service:` or `group:` with an id (or, of a group, a title).
    member: String,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    within: Within,
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List(within) => {
            let at = within.open().await?;
            let request = ListGroupsRequest {
                account: at.account,
                ..ListGroupsRequest::default()
            };
            answer(
                output,
                &all_pages!(at.client.authorization().group(), list_groups, request, groups),
                "none",
            )
        }
        Command::Create { title, within } => {
            let at = within.open().await?;
            let request = CreateGroupRequest {
                account: at.account,
                title,
                ..CreateGroupRequest::default()
            };
            let made = message(at.client.authorization().group().create_group(request).await)?;
            answer(output, &made, "created")
        }
        Command::Members { group, within } => {
            let at = within.open().await?;
            let request = ListGroupMembersRequest {
                group: at.group(&group).await?,
                account: at.account,
                ..ListGroupMembersRequest::default()
            };
            let service = at.client.authorization().group();
            answer(
                output,
                &all_pages!(service, list_group_members, request, members),
                "none",
            )
        }
        Command::Add(of) => {
            let at = of.within.open().await?;
            let request = AddGroupMemberRequest {
                group: at.group(&of.group).await?,
                member: at.subject(&of.member).await?,
                account: at.account,
                validate_only: of.dry_run.dry_run,
            };
            let done = message(at.client.authorization().group().add_group_member(request).await)?;
            of.dry_run.answer(output, &done, "added")
        }
        Command::Remove(of) => {
            let at = of.within.open().await?;
            let request = RemoveGroupMemberRequest {
                group: at.group(&of.group).await?,
                member: at.subject(&of.member).await?,
                account: at.account,
                validate_only: of.dry_run.dry_run,
            };
            let done = message(
                at.client
                    .authorization()
                    .group()
                    .remove_group_member(request)
                    .await,
            )?;
            of.dry_run.answer(output, &done, "removed")
        }
        Command::Delete {
            group,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let request = DeleteGroupRequest {
                group: at.group(&group).await?,
                account: at.account,
                validate_only: dry_run.dry_run,
            };
            let gone = message(at.client.authorization().group().delete_group(request).await)?;
            dry_run.answer(output, &gone, "deleted")
        }
    }
}
