//! `bailiwick approval`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{
    ApproveRequestRequest, GetApprovalRequest, ListApprovalsRequest, RejectRequestRequest,
    RequestApprovalRequest, WithdrawRequestRequest,
};
use bailiwick_rpc::wire;
use serde_json::Value;

use super::{all_pages, named_value};
use crate::{
    cli::Output,
    connect::{Within, message},
    output::answer,
};

/// What to do with requests for an approval.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Ask for an approval of what the caller may only do with one.
    Request {
        /// The permission, `TYPE.VERB`.
        permission: String,
        /// On what: `account`, `instance:` or `workspace:` with an id or a title, or a resource `TYPE:ID`.
        target: String,
        /// Digest of the content that is to be approved.
        #[arg(long, value_name = "TEXT")]
        digest: Option<String>,
        /// Attribute of the request; VALUE is JSON or else text. May be repeated.
        #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = named_value)]
        attributes: Vec<(String, Value)>,
        #[command(flatten)]
        within: Within,
    },
    /// List requests: all that the caller may view, or else its own.
    List {
        /// Only those that the caller may decide.
        #[arg(long)]
        waiting: bool,
        #[command(flatten)]
        within: Within,
    },
    /// Show a request.
    Get(One),
    /// Approve a request.
    Approve(One),
    /// Reject a request.
    Reject(One),
    /// Take an own request back.
    Withdraw(One),
}

/// One request.
#[derive(clap::Args, Debug)]
pub(crate) struct One {
    /// Id of the request.
    approval: String,
    #[command(flatten)]
    within: Within,
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::Request {
            permission,
            target,
            digest,
            attributes,
            within,
        } => {
            let at = within.open().await?;
            let request = RequestApprovalRequest {
                target: at.scope(&target).await?,
                account: at.account,
                permission,
                digest: digest.unwrap_or_default(),
                attributes: (!attributes.is_empty()).then(|| wire::struct_of(attributes)),
            };
            let made = message(
                at.client
                    .authorization()
                    .approval()
                    .request_approval(request)
                    .await,
            )?;
            answer(output, &made, "requested")
        }
        Command::List { waiting, within } => {
            let at = within.open().await?;
            let request = ListApprovalsRequest {
                account: at.account,
                waiting_for_me: waiting,
                ..ListApprovalsRequest::default()
            };
            let service = at.client.authorization().approval();
            answer(
                output,
                &all_pages!(service, list_approvals, request, approvals),
                "none",
            )
        }
        Command::Get(One { approval, within }) => {
            let at = within.open().await?;
            let request = GetApprovalRequest {
                account: at.account,
                approval,
            };
            let answered = message(at.client.authorization().approval().get_approval(request).await)?;
            answer(output, &answered, "none")
        }
        Command::Approve(One { approval, within }) => {
            let at = within.open().await?;
            let request = ApproveRequestRequest {
                account: at.account,
                approval,
            };
            let done = message(
                at.client
                    .authorization()
                    .approval()
                    .approve_request(request)
                    .await,
            )?;
            answer(output, &done, "approved")
        }
        Command::Reject(One { approval, within }) => {
            let at = within.open().await?;
            let request = RejectRequestRequest {
                account: at.account,
                approval,
            };
            let done = message(at.client.authorization().approval().reject_request(request).await)?;
            answer(output, &done, "rejected")
        }
        Command::Withdraw(One { approval, within }) => {
            let at = within.open().await?;
            let request = WithdrawRequestRequest {
                account: at.account,
                approval,
            };
            let done = message(
                at.client
                    .authorization()
                    .approval()
                    .withdraw_request(request)
                    .await,
            )?;
            answer(output, &done, "taken back")
        }
    }
}
