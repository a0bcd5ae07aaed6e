//! `bailiwick session`.

use anyhow::Result;
use bailiwick_client::Client;
use bailiwick_proto::identity::v1::{ListSessionsRequest, RevokeAllSessionsRequest, RevokeSessionRequest};

use super::all_pages;
use crate::{
    cli::Output,
    connect::{Connection, find_user, message},
    output::answer,
};

/// What to do with sessions.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the sessions of the caller or of another user.
    List(Of),
    /// End a session.
    Revoke {
        /// Id of the session.
        session: String,
        #[command(flatten)]
        of: Of,
    },
    /// End all sessions.
    RevokeAll {
        /// Let the session of the caller go on.
        #[arg(long)]
        keep_current: bool,
        #[command(flatten)]
        of: Of,
    },
}

/// Whose sessions.
#[derive(clap::Args, Debug)]
pub(crate) struct Of {
    /// Another user, by e-mail address or id.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Of {
    async fn open(&self) -> Result<(Client, String)> {
        let client = self.connection.client().await?;
        let user = match &self.user {
            Some(user) => find_user(&client, user).await?,
            None => String::new(),
        };
        Ok((client, user))
    }
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List(of) => {
            let (client, user) = of.open().await?;
            let request = ListSessionsRequest {
                user,
                ..ListSessionsRequest::default()
            };
            let all = all_pages!(client.identity().session(), list_sessions, request, sessions);
            answer(output, &all, "none")
        }
        Command::Revoke { session, of } => {
            let (client, user) = of.open().await?;
            let request = RevokeSessionRequest { session, user };
            let done = message(client.identity().session().revoke_session(request).await)?;
            answer(output, &done, "ended")
        }
        Command::RevokeAll { keep_current, of } => {
            let (client, user) = of.open().await?;
            let request = RevokeAllSessionsRequest { user, keep_current };
            let done = message(client.identity().session().revoke_all_sessions(request).await)?;
            answer(output, &done, "none")
        }
    }
}
