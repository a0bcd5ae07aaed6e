//! `bailiwick user`.

use anyhow::{Result, bail};
use bailiwick_proto::identity::v1::{
    DeleteUserRequest, ReauthenticateRequest, UpdateUserRequest, UserChanges,
};
use serde::Serialize;

use crate::{
    cli::Output,
    connect::{self, Connection},
    output,
};

/// Commands about users.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Change the profile of a user.
    Update(Update),
    /// Delete a user: access is taken away, and all that is known of the user is erased in every service.
    ///
    /// Its id stays. The password of the caller is proved for this call; a service account cannot delete
    /// users.
    Delete(Delete),
}

/// Arguments of `user update`.
#[derive(clap::Args, Debug)]
pub(crate) struct Update {
    /// The user.
    #[arg(value_name = "ID")]
    user: String,
    /// Name for display; an empty one removes it.
    #[arg(long, value_name = "NAME", required_unless_present = "locale")]
    display_name: Option<String>,
    /// Language tag such as `de-AT`; an empty one removes it.
    #[arg(long, value_name = "TAG")]
    locale: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

/// Arguments of `user delete`.
#[derive(clap::Args, Debug)]
pub(crate) struct Delete {
    /// The user.
    #[arg(value_name = "ID")]
    user: String,
    /// Code of the caller's second factor, where it has one.
    #[arg(long, value_name = "CODE", default_value = "")]
    code: String,
    #[command(flatten)]
    connection: Connection,
}

/// A user that was changed or deleted.
#[derive(Serialize)]
struct Done {
    user: String,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
}

/// Changes or deletes a user.
pub(crate) async fn run(command: &Command, output: Output) -> Result<()> {
    match command {
        Command::Update(arguments) => update(arguments, output).await,
        Command::Delete(arguments) => delete(arguments, output).await,
    }
}

async fn update(arguments: &Update, output: Output) -> Result<()> {
    let mut paths = Vec::new();
    paths.extend(arguments.display_name.as_ref().map(|_| "display_name".to_owned()));
    paths.extend(arguments.locale.as_ref().map(|_| "locale".to_owned()));
    let request = UpdateUserRequest {
        user: arguments.user.clone(),
        changes: Some(UserChanges {
            display_name: arguments.display_name.clone().unwrap_or_default(),
            locale: arguments.locale.clone().unwrap_or_default(),
        }),
        update_mask: Some(prost_types::FieldMask { paths }),
    };
    let client = arguments.connection.client()?;
    let answer = connect::message(client.identity().user().update_user(request).await)?;
    let user = answer.user.unwrap_or_default();
    let done = Done {
        user: user.user,
        deleted: false,
        version: Some(user.version),
    };
    output::print(output, &done, |done| format!("changed {}", done.user))
}

async fn delete(arguments: &Delete, output: Output) -> Result<()> {
    let Some(password) = arguments.connection.password()? else {
        bail!("only users delete users: give `--email` and `--password-file`");
    };
    let client = arguments.connection.client()?;
    let request = ReauthenticateRequest {
        password,
        method: "bailiwick.identity.v1.UserService/DeleteUser".to_owned(),
        code: arguments.code.clone(),
    };
    connect::message(client.identity().authentication().reauthenticate(request).await)?;
    let request = DeleteUserRequest {
        user: arguments.user.clone(),
    };
    connect::message(client.identity().user().delete_user(request).await)?;
    let done = Done {
        user: arguments.user.clone(),
        deleted: true,
        version: None,
    };
    output::print(output, &done, |done| format!("deleted {}", done.user))
}
