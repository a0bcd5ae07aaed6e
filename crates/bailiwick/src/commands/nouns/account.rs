//! `bailiwick account`.

use anyhow::Result;
use bailiwick_proto::tenancy::v1::{
    Account, CreateAccountRequest, DeleteAccountRequest, GetAccountRequest, ListAccountsRequest,
    ReactivateAccountRequest, RestrictAccountRequest, SuspendAccountRequest, UpdateAccountRequest,
};

use super::{all_pages, mask};
use crate::{
    cli::Output,
    connect::{Confirmation, Connection, Within, find_user, message},
    output::answer,
};

/// What to do with accounts.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the accounts that the caller may view.
    List {
        /// Only those of a product.
        #[arg(long, value_name = "NAME")]
        product: Option<String>,
        /// Only those whose title contains a text.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show an account.
    Get(Within),
    /// Create an account.
    Create {
        /// Its title.
        title: String,
        /// Its product.
        #[arg(long, value_name = "NAME")]
        product: String,
        /// The first holder of the account's single-holder role, by e-mail address or id.
        #[arg(long, value_name = "USER")]
        owner: Option<String>,
        /// Seats that members may take; no limit if absent.
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        seats: u32,
        /// Repeating the command with the same id creates no second account.
        #[arg(long, value_name = "TEXT")]
        request_id: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Change an account.
    Update {
        /// Its new title.
        #[arg(long)]
        title: Option<String>,
        /// Seats that members may take; 0 is no limit.
        #[arg(long, value_name = "NUMBER")]
        seats: Option<u32>,
        #[command(flatten)]
        within: Within,
    },
    /// Take all access in an account away.
    Suspend(Within),
    /// Leave an account only what its product's manifest names under `restricted`, as for late payment.
    Restrict(Within),
    /// Give a suspended or restricted account its access back.
    Reactivate(Within),
    /// Delete an account.
    Delete {
        /// Also if it contains instances or workspaces.
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
            product,
            search,
            connection,
        } => {
            let client = connection.client().await?;
            let request = ListAccountsRequest {
                product: product.unwrap_or_default(),
                search: search.unwrap_or_default(),
                ..ListAccountsRequest::default()
            };
            let all = all_pages!(client.tenancy().account(), list_accounts, request, accounts);
            answer(output, &all, "none")
        }
        Command::Get(within) => {
            let at = within.open().await?;
            let request = GetAccountRequest { account: at.account };
            let answered = message(at.client.tenancy().account().get_account(request).await)?;
            answer(output, &answered, "none")
        }
        Command::Create {
            title,
            product,
            owner,
            seats,
            request_id,
            connection,
        } => {
            let client = connection.client().await?;
            let owner = match owner {
                Some(owner) => format!("user:{}", find_user(&client, &owner).await?),
                None => String::new(),
            };
            let request = CreateAccountRequest {
                product,
                title,
                owner,
                seats,
                request_id: request_id.unwrap_or_default(),
                ..CreateAccountRequest::default()
            };
            let made = message(client.tenancy().account().create_account(request).await)?;
            answer(output, &made, "created")
        }
        Command::Update { title, seats, within } => {
            let at = within.open().await?;
            let request = UpdateAccountRequest {
                account: at.account,
                update_mask: Some(mask(&[("title", title.is_some()), ("seats", seats.is_some())])),
                changes: Some(Account {
                    title: title.unwrap_or_default(),
                    seats: seats.unwrap_or_default(),
                    ..Account::default()
                }),
                ..UpdateAccountRequest::default()
            };
            let changed = message(at.client.tenancy().account().update_account(request).await)?;
            answer(output, &changed, "changed")
        }
        Command::Suspend(within) => {
            let at = within.open().await?;
            let request = SuspendAccountRequest { account: at.account };
            let changed = message(at.client.tenancy().account().suspend_account(request).await)?;
            answer(output, &changed, "suspended")
        }
        Command::Restrict(within) => {
            let at = within.open().await?;
            let request = RestrictAccountRequest { account: at.account };
            let changed = message(at.client.tenancy().account().restrict_account(request).await)?;
            answer(output, &changed, "restricted")
        }
        Command::Reactivate(within) => {
            let at = within.open().await?;
            let request = ReactivateAccountRequest { account: at.account };
            let changed = message(at.client.tenancy().account().reactivate_account(request).await)?;
            answer(output, &changed, "reactivated")
        }
        Command::Delete {
            force,
            confirmation,
            within,
        } => {
            let at = within.open().await?;
            confirmation.ask(&format!("deleting {}", at.account))?;
            let request = DeleteAccountRequest {
                account: at.account,
                force,
                ..DeleteAccountRequest::default()
            };
            let gone = message(at.client.tenancy().account().delete_account(request).await)?;
            answer(output, &gone, "deleted")
        }
    }
}
