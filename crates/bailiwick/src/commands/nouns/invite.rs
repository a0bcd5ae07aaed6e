//! `bailiwick invite`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{
    AcceptInvitationRequest, BatchCreateInvitationsRequest, ListInvitationsRequest, MemberKind,
    ResendInvitationRequest, RevokeInvitationRequest,
};

use super::{DryRun, Kind, all_pages};
use crate::{
    cli::Output,
    connect::{Connection, Within, find_account, message},
    output::answer,
};

/// What to do with invitations.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Invite people by e-mail, all or none of them.
    Create {
        /// E-mail addresses.
        #[arg(required = true, value_name = "EMAIL")]
        emails: Vec<String>,
        /// A role that they get. May be repeated.
        #[arg(long = "role", value_name = "NAME", required = true)]
        roles: Vec<String>,
        /// Where: `account`, or `instance:` or `workspace:` with an id or a title.
        #[arg(long, value_name = "SCOPE", default_value = "account")]
        on: String,
        /// Kind of member; that of the roles if absent.
        #[arg(long, value_enum)]
        kind: Option<Kind>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// List invitations.
    List {
        /// Only those to an e-mail address.
        #[arg(long, value_name = "EMAIL")]
        to: Option<String>,
        #[command(flatten)]
        within: Within,
    },
    /// Accept an invitation.
    Accept {
        /// Id of the invitation.
        invitation: String,
        /// The account that invites, by id.
        #[arg(long, short, value_name = "ACCOUNT", env = "BAILIWICK_ACCOUNT")]
        account: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Send an invitation again.
    Resend {
        /// Id of the invitation.
        invitation: String,
        #[command(flatten)]
        within: Within,
    },
    /// Take an invitation back.
    Revoke {
        /// Id of the invitation.
        invitation: String,
        #[command(flatten)]
        within: Within,
    },
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::Create {
            emails,
            roles,
            on,
            kind,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let mut known = Vec::new();
            for role in &roles {
                known.push(at.role(role).await?);
            }
            let request = BatchCreateInvitationsRequest {
                scope: at.scope(&on).await?,
                account: at.account,
                emails,
                roles: known,
                validate_only: dry_run.dry_run,
                kind: kind.map_or(MemberKind::Unspecified, MemberKind::from).into(),
            };
            let mut service = at.client.authorization().invitation();
            let made = message(service.batch_create_invitations(request).await)?;
            answer(output, &made, "nobody would be invited")
        }
        Command::List { to, within } => {
            let at = within.open().await?;
            let request = ListInvitationsRequest {
                account: at.account,
                email: to.unwrap_or_default(),
                ..ListInvitationsRequest::default()
            };
            let service = at.client.authorization().invitation();
            answer(
                output,
                &all_pages!(service, list_invitations, request, invitations),
                "none",
            )
        }
        Command::Accept {
            invitation,
            account,
            connection,
        } => {
            let client = connection.client().await?;
            let request = AcceptInvitationRequest {
                account: find_account(&client, &account).await?,
                invitation,
                ..AcceptInvitationRequest::default()
            };
            let done = message(
                client
                    .authorization()
                    .invitation()
                    .accept_invitation(request)
                    .await,
            )?;
            answer(output, &done, "accepted")
        }
        Command::Resend { invitation, within } => {
            let at = within.open().await?;
            let request = ResendInvitationRequest {
                account: at.account,
                invitation,
            };
            let done = message(
                at.client
                    .authorization()
                    .invitation()
                    .resend_invitation(request)
                    .await,
            )?;
            answer(output, &done, "sent again")
        }
        Command::Revoke { invitation, within } => {
            let at = within.open().await?;
            let request = RevokeInvitationRequest {
                account: at.account,
                invitation,
            };
            let done = message(
                at.client
                    .authorization()
                    .invitation()
                    .revoke_invitation(request)
                    .await,
            )?;
            answer(output, &done, "taken back")
        }
    }
}
