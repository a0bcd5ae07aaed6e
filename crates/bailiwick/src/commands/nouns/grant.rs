//! `bailiwick grant`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{
    AppliesTo, CreateGrantRequest, DeleteGrantRequest, GrantTarget, ListGrantsRequest,
};
use bailiwick_rpc::wire;
use bailiwick_types::Timestamp;
use serde_json::Value;

use super::{DryRun, all_pages, named_value};
use crate::{
    cli::Output,
    connect::{Within, message},
    output::answer,
};

/// What to do with grants.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Grant permissions on a scope, a resource, or all resources of a type in a scope.
    Create {
        /// Who: an e-mail address, `me`, `user:`, `service:` or `group:` with an id (groups: or a title).
        subject: String,
        /// Permissions, `TYPE.VERB`.
        #[arg(required = true, value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// On what: `account`, `instance:` or `workspace:` with an id or a title, or a resource `TYPE:ID`.
        #[arg(long, value_name = "TARGET")]
        on: String,
        /// On the resources of this type in the scope.
        #[arg(long = "type", value_name = "NAME", requires = "applies_to")]
        of_type: Option<String>,
        /// Which of them.
        #[arg(long, value_enum, requires = "of_type")]
        applies_to: Option<Reach>,
        /// Parameter of the grant; VALUE is JSON or else text. May be repeated.
        #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = named_value)]
        parameters: Vec<(String, Value)>,
        /// When the grant ends (RFC 3339); never if absent.
        #[arg(long, value_name = "INSTANT", value_parser = Timestamp::parse)]
        until: Option<Timestamp>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// List grants.
    List {
        /// Only those of a subject: an e-mail address, `me`, `user:`, `service:` or `group:` with an id.
        #[arg(long, value_name = "SUBJECT")]
        of: Option<String>,
        /// Only those on a target: a scope or a resource `TYPE:ID`.
        #[arg(long, value_name = "TARGET")]
        on: Option<String>,
        #[command(flatten)]
        within: Within,
    },
    /// Delete a grant.
    Delete {
        /// Id of the grant.
        grant: String,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
}

/// Which resources of a type a grant covers.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Reach {
    /// Those that are registered now.
    Existing,
    /// Those that will be registered.
    Future,
    /// Both.
    All,
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::Create {
            subject,
            permissions,
            on,
            of_type,
            applies_to,
            parameters,
            until,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let applies_to = match applies_to {
                None => AppliesTo::Unspecified,
                Some(Reach::Existing) => AppliesTo::Existing,
                Some(Reach::Future) => AppliesTo::Future,
                Some(Reach::All) => AppliesTo::All,
            };
            let request = CreateGrantRequest {
                subject: at.subject(&subject).await?,
                target: Some(GrantTarget {
                    target: at.scope(&on).await?,
                    r#type: of_type.unwrap_or_default(),
                    applies_to: applies_to.into(),
                }),
                account: at.account,
                permissions,
                parameters: (!parameters.is_empty()).then(|| wire::struct_of(parameters)),
                expire_time: until.map(wire::timestamp),
                validate_only: dry_run.dry_run,
                ..CreateGrantRequest::default()
            };
            let made = message(at.client.authorization().grant().create_grant(request).await)?;
            dry_run.answer(output, &made, "granted")
        }
        Command::List { of, on, within } => {
            let at = within.open().await?;
            let subject = match of {
                Some(subject) => at.subject(&subject).await?,
                None => String::new(),
            };
            let target = match on {
                Some(target) => at.scope(&target).await?,
                None => String::new(),
            };
            let request = ListGrantsRequest {
                account: at.account,
                subject,
                target,
                ..ListGrantsRequest::default()
            };
            answer(
                output,
                &all_pages!(at.client.authorization().grant(), list_grants, request, grants),
                "none",
            )
        }
        Command::Delete {
            grant,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let request = DeleteGrantRequest {
                account: at.account,
                grant,
                validate_only: dry_run.dry_run,
                ..DeleteGrantRequest::default()
            };
            let gone = message(at.client.authorization().grant().delete_grant(request).await)?;
            dry_run.answer(output, &gone, "deleted")
        }
    }
}
