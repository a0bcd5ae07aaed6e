//! `bailiwick user`: the users of the deployment, for operators.

use std::path::PathBuf;

use anyhow::Result;
use bailiwick_proto::identity::v1::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, EnableUserRequest, GetUserRequest,
    GrantOperatorRequest, ListUsersRequest, RevokeOperatorRequest, SendActivationRequest, UpdateUserRequest,
    UserChanges,
};
use secrecy::ExposeSecret;

use super::{all_pages, mask};
use crate::{
    cli::Output,
    connect::{Confirmation, Connection, StepUp, find_account, find_user, message},
    output::answer,
    secret,
};

/// What to do with users.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List users.
    List {
        /// Only the one with an e-mail address.
        #[arg(long = "with-email", value_name = "EMAIL")]
        with_email: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a user.
    Get(One),
    /// Create a user. Without a password, `activate` sends a link to choose one.
    Create {
        /// E-mail address.
        address: String,
        /// Name for display.
        #[arg(long, default_value = "")]
        name: String,
        /// File with the user's password in its first line.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
        /// The address was proved elsewhere.
        #[arg(long)]
        verified: bool,
        #[command(flatten)]
        connection: Connection,
    },
    /// Send a user the link to choose a password.
    Activate {
        /// The account that invites, by id or title.
        #[arg(long, short, value_name = "ACCOUNT")]
        account: Option<String>,
        #[command(flatten)]
        one: One,
    },
    /// Change the profile of a user.
    Update {
        /// Name for display; an empty one removes it.
        #[arg(long, value_name = "NAME", required_unless_present = "locale")]
        display_name: Option<String>,
        /// Language tag such as `de-AT`; an empty one removes it.
        #[arg(long, value_name = "TAG")]
        locale: Option<String>,
        #[command(flatten)]
        one: One,
    },
    /// Delete a user: access is taken away, and all that is known of the user is erased in every service. Its
    /// id stays.
    Delete {
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        one: One,
    },
    /// Take all access away from a user and end its sessions.
    Disable(One),
    /// Give a disabled user its access back.
    Enable(One),
    /// Make a user an operator of the deployment.
    GrantOperator(One),
    /// Take the operator's role away.
    RevokeOperator(One),
}

/// One user.
#[derive(clap::Args, Debug)]
pub(crate) struct One {
    /// The user, by e-mail address or id.
    user: String,
    #[command(flatten)]
    connection: Connection,
}

impl One {
    async fn open(&self) -> Result<(bailiwick_client::Client, String)> {
        let client = self.connection.client().await?;
        let user = find_user(&client, &self.user).await?;
        Ok((client, user))
    }
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List {
            with_email,
            connection,
        } => {
            let client = connection.client().await?;
            let request = ListUsersRequest {
                email: with_email.unwrap_or_default(),
                ..ListUsersRequest::default()
            };
            let all = all_pages!(client.identity().user(), list_users, request, users);
            answer(output, &all, "none")
        }
        Command::Get(one) => {
            let (client, user) = one.open().await?;
            let answered = message(client.identity().user().get_user(GetUserRequest { user }).await)?;
            answer(output, &answered, "none")
        }
        Command::Create {
            address,
            name,
            new_password_file,
            verified,
            connection,
        } => {
            let client = connection.client().await?;
            let password = new_password_file
                .map(|file| secret::first_line(&file))
                .transpose()?;
            let request = CreateUserRequest {
                email: address,
                display_name: name,
                password: password
                    .map(|text| text.expose_secret().to_owned())
                    .unwrap_or_default(),
                email_verified: verified,
                ..CreateUserRequest::default()
            };
            let made = message(client.identity().user().create_user(request).await)?;
            answer(output, &made, "created")
        }
        Command::Activate { account, one } => {
            let (client, user) = one.open().await?;
            let account = match account {
                Some(account) => find_account(&client, &account).await?,
                None => String::new(),
            };
            let request = SendActivationRequest { user, account };
            let sent = message(client.identity().authentication().send_activation(request).await)?;
            answer(output, &sent, "the link is on its way")
        }
        Command::Update {
            display_name,
            locale,
            one,
        } => {
            let (client, user) = one.open().await?;
            let request = UpdateUserRequest {
                user,
                update_mask: Some(mask(&[
                    ("display_name", display_name.is_some()),
                    ("locale", locale.is_some()),
                ])),
                changes: Some(UserChanges {
                    display_name: display_name.unwrap_or_default(),
                    locale: locale.unwrap_or_default(),
                }),
            };
            let changed = message(client.identity().user().update_user(request).await)?;
            answer(output, &changed, "changed")
        }
        Command::Delete { confirmation, one } => {
            confirmation.ask(&format!("deleting {}", one.user))?;
            let (client, user) = one.open().await?;
            let step_up = StepUp {
                connection: &one.connection,
                method: "bailiwick.identity.v1.UserService/DeleteUser",
            };
            let call = || {
                let request = DeleteUserRequest { user: user.clone() };
                let mut service = client.identity().user();
                async move { service.delete_user(request).await }
            };
            answer(output, &step_up.call(&client, call).await?, "deleted")
        }
        Command::Disable(one) => {
            let (client, user) = one.open().await?;
            let changed = message(
                client
                    .identity()
                    .user()
                    .disable_user(DisableUserRequest { user })
                    .await,
            )?;
            answer(output, &changed, "disabled")
        }
        Command::Enable(one) => {
            let (client, user) = one.open().await?;
            let changed = message(
                client
                    .identity()
                    .user()
                    .enable_user(EnableUserRequest { user })
                    .await,
            )?;
            answer(output, &changed, "enabled")
        }
        Command::GrantOperator(one) => {
            let (client, user) = one.open().await?;
            let subject = format!("user:{user}");
            let step_up = StepUp {
                connection: &one.connection,
                method: "bailiwick.identity.v1.OperatorService/GrantOperator",
            };
            let call = || {
                let request = GrantOperatorRequest {
                    subject: subject.clone(),
                };
                let mut service = client.identity().operator();
                async move { service.grant_operator(request).await }
            };
            answer(output, &step_up.call(&client, call).await?, "is an operator now")
        }
        Command::RevokeOperator(one) => {
            let (client, user) = one.open().await?;
            let step_up = StepUp {
                connection: &one.connection,
                method: "bailiwick.identity.v1.OperatorService/RevokeOperator",
            };
            let call = || {
                let request = RevokeOperatorRequest { user: user.clone() };
                let mut service = client.identity().operator();
                async move { service.revoke_operator(request).await }
            };
            answer(
                output,
                &step_up.call(&client, call).await?,
                "is no operator any more",
            )
        }
    }
}
