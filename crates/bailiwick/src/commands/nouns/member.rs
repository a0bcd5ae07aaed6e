//! `bailiwick member`.

use anyhow::{Result, bail};
use bailiwick_proto::authorization::v1::{
    BatchRemoveMembersRequest, CreateMemberRequest, DeleteMemberRequest, DeleteMode, GetMemberRequest,
    ListMembersRequest, MemberKind, ReactivateMemberRequest, RemoveMemberRequest, SuspendMemberRequest,
    UpdateMemberRequest,
};
use bailiwick_rpc::wire;
use bailiwick_types::Timestamp;

use super::{DryRun, Kind, all_pages};
use crate::{
    cli::Output,
    connect::{At, Confirmation, Within, find_user, message},
    output::answer,
};

/// What to do with the members of an account.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the members.
    List {
        /// Only the one with an e-mail address.
        #[arg(long, value_name = "EMAIL")]
        with_email: Option<String>,
        #[command(flatten)]
        within: Within,
    },
    /// Show a member.
    Get {
        /// The user, by e-mail address or id.
        user: String,
        #[command(flatten)]
        within: Within,
    },
    /// Make a user a member without an invitation, as an operator.
    Add {
        /// The user, by e-mail address or id.
        user: String,
        /// Kind of member.
        #[arg(long, value_enum, default_value = "agent")]
        kind: Kind,
        /// When the membership ends (RFC 3339); never if absent.
        #[arg(long, value_name = "INSTANT", value_parser = Timestamp::parse)]
        until: Option<Timestamp>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Suspend a member: it keeps its seat and roles, and may do nothing.
    Suspend(One),
    /// Reactivate a suspended member.
    Reactivate(One),
    /// Set or clear the end of a membership.
    Expire {
        /// When the membership ends (RFC 3339); never if absent.
        #[arg(long, value_name = "INSTANT", value_parser = Timestamp::parse)]
        at: Option<Timestamp>,
        #[command(flatten)]
        one: One,
    },
    /// Remove members, all together, from the account, or from a scope and what is below it.
    Remove {
        /// The users, by e-mail address or id.
        #[arg(required = true)]
        users: Vec<String>,
        /// The scope to remove them from, `instance:` or `workspace:` with an id or a title; the account if
        /// absent.
        #[arg(long, value_name = "SCOPE")]
        from: Option<String>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Delete a member with what belongs to it.
    Delete {
        /// What happens to what the member owns.
        #[arg(long, value_enum)]
        mode: Mode,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        one: One,
    },
}

/// What happens to what a deleted member owns.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Mode {
    /// It goes to the holder of the account's single-holder role.
    Replace,
    /// It is deleted too.
    Delete,
}

/// One member.
#[derive(clap::Args, Debug)]
pub(crate) struct One {
    /// The user, by e-mail address or id.
    user: String,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    within: Within,
}

impl One {
    async fn open(&self) -> Result<(At, String)> {
        let at = self.within.open().await?;
        let user = at.user(&self.user).await?;
        Ok((at, user))
    }
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List { with_email, within } => {
            let at = within.open().await?;
            let request = ListMembersRequest {
                account: at.account,
                email: with_email.unwrap_or_default(),
                ..ListMembersRequest::default()
            };
            let all = all_pages!(at.client.authorization().member(), list_members, request, members);
            answer(output, &all, "none")
        }
        Command::Get { user, within } => {
            let at = within.open().await?;
            let request = GetMemberRequest {
                user: at.user(&user).await?,
                account: at.account,
            };
            let answered = message(at.client.authorization().member().get_member(request).await)?;
            answer(output, &answered, "none")
        }
        Command::Add {
            user,
            kind,
            until,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let request = CreateMemberRequest {
                account: at.account,
                user: find_user(&at.client, &user).await?,
                kind: MemberKind::from(kind).into(),
                expire_time: until.map(wire::timestamp),
                validate_only: dry_run.dry_run,
            };
            let made = message(at.client.authorization().member().create_member(request).await)?;
            dry_run.answer(output, &made, "added")
        }
        Command::Suspend(one) => {
            let (at, user) = one.open().await?;
            let request = SuspendMemberRequest {
                account: at.account,
                user,
                validate_only: one.dry_run.dry_run,
            };
            let changed = message(at.client.authorization().member().suspend_member(request).await)?;
            one.dry_run.answer(output, &changed, "suspended")
        }
        Command::Reactivate(one) => {
            let (at, user) = one.open().await?;
            let request = ReactivateMemberRequest {
                account: at.account,
                user,
                validate_only: one.dry_run.dry_run,
            };
            let changed = message(
                at.client
                    .authorization()
                    .member()
                    .reactivate_member(request)
                    .await,
            )?;
            one.dry_run.answer(output, &changed, "reactivated")
        }
        Command::Expire { at: end, one } => {
            let (at, user) = one.open().await?;
            let request = UpdateMemberRequest {
                account: at.account,
                user,
                expire_time: end.map(wire::timestamp),
                validate_only: one.dry_run.dry_run,
                ..UpdateMemberRequest::default()
            };
            let changed = message(at.client.authorization().member().update_member(request).await)?;
            one.dry_run.answer(output, &changed, "changed")
        }
        Command::Remove {
            users,
            from,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let mut ids = Vec::new();
            for user in &users {
                ids.push(at.user(user).await?);
            }
            remove(at, ids, from, &dry_run, output).await
        }
        Command::Delete {
            mode,
            confirmation,
            one,
        } => {
            let (at, user) = one.open().await?;
            if !one.dry_run.dry_run {
                confirmation.ask(&format!("deleting member {}", one.user))?;
            }
            let mode = match mode {
                Mode::Replace => DeleteMode::Replace,
                Mode::Delete => DeleteMode::Delete,
            };
            let request = DeleteMemberRequest {
                account: at.account,
                user,
                mode: mode.into(),
                validate_only: one.dry_run.dry_run,
            };
            let gone = message(at.client.authorization().member().delete_member(request).await)?;
            one.dry_run.answer(output, &gone, "deleted")
        }
    }
}

async fn remove(
    at: At,
    users: Vec<String>,
    from: Option<String>,
    dry_run: &DryRun,
    output: Output,
) -> Result<()> {
    let mut members = at.client.authorization().member();
    let Some(from) = from else {
        let request = BatchRemoveMembersRequest {
            account: at.account,
            users,
            validate_only: dry_run.dry_run,
        };
        let gone = message(members.batch_remove_members(request).await)?;
        return dry_run.answer(output, &gone, "removed");
    };
    // One call each would leave some removed and some not.
    let [user] = users.as_slice() else {
        bail!("`--from` removes one member at a time");
    };
    let request = RemoveMemberRequest {
        user: user.clone(),
        scope: at.scope(&from).await?,
        account: at.account,
        validate_only: dry_run.dry_run,
    };
    let gone = message(members.remove_member(request).await)?;
    dry_run.answer(output, &gone, "removed")
}
