//! `bailiwick resource`.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{
    GetResourceRequest, ListResourcesInScopeRequest, MoveResourceRequest, RegisterResourceRequest,
    TransferResourceRequest, UnregisterResourceRequest, UpdateResourceRequest,
};
use bailiwick_rpc::wire;
use serde_json::Value;

use super::{DryRun, all_pages, named_value};
use crate::{
    cli::Output,
    connect::{Within, message},
    output::answer,
};

/// What to do with registered resources.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List the resources of a type in a scope that the caller may view.
    List {
        /// The type.
        #[arg(value_name = "TYPE")]
        of_type: String,
        /// The scope: `account`, or `instance:` or `workspace:` with an id or a title.
        #[arg(long, value_name = "SCOPE", default_value = "account")]
        on: String,
        #[command(flatten)]
        within: Within,
    },
    /// Show a resource.
    Get {
        /// The resource, `TYPE:ID`.
        resource: String,
        #[command(flatten)]
        within: Within,
    },
    /// Register a resource.
    Register {
        /// The resource, `TYPE:ID`.
        resource: String,
        /// Where: `account`, or `instance:` or `workspace:` with an id or a title.
        #[arg(long, value_name = "SCOPE", default_value = "account")]
        on: String,
        /// Its owner, by e-mail address, `user:ID` or `me`.
        #[arg(long, value_name = "SUBJECT")]
        owner: Option<String>,
        /// The resource that contains it, `TYPE:ID`.
        #[arg(long, value_name = "RESOURCE")]
        parent: Option<String>,
        /// Its title.
        #[arg(long)]
        title: Option<String>,
        /// Attribute; VALUE is JSON or else text. May be repeated.
        #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = named_value)]
        attributes: Vec<(String, Value)>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Change title, parent or attributes of a resource.
    Update {
        /// The resource, `TYPE:ID`.
        resource: String,
        /// The resource that contains it, `TYPE:ID`; empty for none.
        #[arg(long, value_name = "RESOURCE")]
        parent: Option<String>,
        /// Its title.
        #[arg(long)]
        title: Option<String>,
        /// Attribute; VALUE is JSON or else text. May be repeated; the others stay as they are.
        #[arg(long = "attribute", value_name = "NAME=VALUE", value_parser = named_value)]
        attributes: Vec<(String, Value)>,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Move a resource, with what is below it, to another scope.
    Move {
        /// The resource, `TYPE:ID`.
        resource: String,
        /// The new scope: `account`, or `instance:` or `workspace:` with an id or a title.
        scope: String,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Give a resource another owner.
    Transfer {
        /// The resource, `TYPE:ID`.
        resource: String,
        /// The new owner, by e-mail address, `user:ID` or `me`.
        to: String,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
    /// Unregister a resource, with its grants.
    Unregister {
        /// The resource, `TYPE:ID`.
        resource: String,
        #[command(flatten)]
        dry_run: DryRun,
        #[command(flatten)]
        within: Within,
    },
}

/// Does it.
pub(crate) async fn run(command: Command, output: Output) -> Result<()> {
    match command {
        Command::List { of_type, on, within } => {
            let at = within.open().await?;
            let request = ListResourcesInScopeRequest {
                scope: at.scope(&on).await?,
                account: at.account,
                r#type: of_type,
                ..ListResourcesInScopeRequest::default()
            };
            let service = at.client.authorization().resource();
            let all = all_pages!(service, list_resources_in_scope, request, resources);
            answer(output, &all, "none")
        }
        Command::Get { resource, within } => {
            let at = within.open().await?;
            let request = GetResourceRequest {
                account: at.account,
                resource,
            };
            let answered = message(at.client.authorization().resource().get_resource(request).await)?;
            answer(output, &answered, "none")
        }
        Command::Register {
            resource,
            on,
            owner,
            parent,
            title,
            attributes,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let owner = match owner {
                Some(owner) => Some(at.subject(&owner).await?),
                None => None,
            };
            let request = RegisterResourceRequest {
                scope: at.scope(&on).await?,
                account: at.account,
                resource,
                owner,
                parent: parent.unwrap_or_default(),
                title: title.unwrap_or_default(),
                attributes: (!attributes.is_empty()).then(|| wire::struct_of(attributes)),
                validate_only: dry_run.dry_run,
            };
            let made = message(
                at.client
                    .authorization()
                    .resource()
                    .register_resource(request)
                    .await,
            )?;
            dry_run.answer(output, &made, "registered")
        }
        Command::Update {
            resource,
            parent,
            title,
            attributes,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let request = UpdateResourceRequest {
                account: at.account,
                resource,
                title,
                parent,
                attributes: (!attributes.is_empty()).then(|| wire::struct_of(attributes)),
                validate_only: dry_run.dry_run,
            };
            let changed = message(
                at.client
                    .authorization()
                    .resource()
                    .update_resource(request)
                    .await,
            )?;
            dry_run.answer(output, &changed, "changed")
        }
        Command::Move {
            resource,
            scope,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let request = MoveResourceRequest {
                scope: at.scope(&scope).await?,
                account: at.account,
                resource,
                validate_only: dry_run.dry_run,
            };
            let moved = message(at.client.authorization().resource().move_resource(request).await)?;
            dry_run.answer(output, &moved, "moved")
        }
        Command::Transfer {
            resource,
            to,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let request = TransferResourceRequest {
                to: at.subject(&to).await?,
                account: at.account,
                resource,
                validate_only: dry_run.dry_run,
            };
            let changed = message(
                at.client
                    .authorization()
                    .resource()
                    .transfer_resource(request)
                    .await,
            )?;
            dry_run.answer(output, &changed, "handed over")
        }
        Command::Unregister {
            resource,
            dry_run,
            within,
        } => {
            let at = within.open().await?;
            let request = UnregisterResourceRequest {
                account: at.account,
                resource,
                validate_only: dry_run.dry_run,
            };
            let gone = message(
                at.client
                    .authorization()
                    .resource()
                    .unregister_resource(request)
                    .await,
            )?;
            dry_run.answer(output, &gone, "unregistered")
        }
    }
}
