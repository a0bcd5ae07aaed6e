//! `bailiwick assign`, `revoke`, `transfer`, `copy` and `bindings`: who has which role where.

use anyhow::Result;
use bailiwick_proto::authorization::v1::{
    AssignRoleRequest, CopyPermissionsRequest, ListBindingsRequest, RecoverOwnershipRequest,
    RevokeRoleRequest, TransferOwnershipRequest,
};
use bailiwick_rpc::wire;
use bailiwick_types::Timestamp;
use serde_json::Value;

use super::{DryRun, all_pages, named_value};
use crate::{
    cli::Output,
    connect::{StepUp, Within, message},
    output::answer,
};

/// Arguments of `assign`.
#[derive(clap::Args, Debug)]
pub(crate) struct Assign {
    /// Who: an e-mail address, `me`, `user:`, `service:` or `group:` with an id (or, of a group, a title).
    subject: String,
    /// The name of the role.
    role: String,
    /// Where: `account`, or `instance:` or `workspace:` with an id or a title.
    #[arg(default_value = "account")]
    scope: String,
    /// Parameter of the role; VALUE is JSON or else text. May be repeated.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = named_value)]
    parameters: Vec<(String, Value)>,
    /// When the role ends (RFC 3339); never if absent.
    #[arg(long, value_name = "INSTANT", value_parser = Timestamp::parse)]
    until: Option<Timestamp>,
    /// Replace parameters and end of a binding that is there.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    within: Within,
}

/// Arguments of `revoke`.
#[derive(clap::Args, Debug)]
pub(crate) struct Revoke {
    /// Whose: an e-mail address, `me`, `user:`, `service:` or `group:` with an id (or, of a group, a title).
    subject: String,
    /// The name of the role.
    role: String,
    /// Where: `account`, or `instance:` or `workspace:` with an id or a title.
    #[arg(default_value = "account")]
    scope: String,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    within: Within,
}

/// Arguments of `transfer`.
#[derive(clap::Args, Debug)]
pub(crate) struct Transfer {
    /// The user who gets the role, by e-mail address or id.
    to: String,
    /// The scope: `account`, or `workspace:` with an id or a title.
    #[arg(default_value = "account")]
    scope: String,
    /// As an operator, for an account that has lost its holder: why. It is written to the audit log.
    #[arg(long, value_name = "TEXT")]
    recover: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    within: Within,
}

/// Arguments of `copy`.
#[derive(clap::Args, Debug)]
pub(crate) struct Copy {
    /// Whose permissions are copied, by e-mail address or id.
    from: String,
    /// Who gets them, by e-mail address or id.
    to: String,
    /// Type of resources whose permissions are copied, whatever they were granted on. May be repeated.
    #[arg(long = "type", value_name = "NAME", required = true)]
    types: Vec<String>,
    #[command(flatten)]
    dry_run: DryRun,
    #[command(flatten)]
    within: Within,
}

/// Arguments of `bindings`.
#[derive(clap::Args, Debug)]
pub(crate) struct Bindings {
    /// Only those of a subject: an e-mail address, `me`, `user:`, `service:` or `group:` with an id.
    #[arg(long, value_name = "SUBJECT")]
    of: Option<String>,
    /// Only those on a scope: `account`, or `instance:` or `workspace:` with an id or a title.
    #[arg(long, value_name = "SCOPE")]
    on: Option<String>,
    #[command(flatten)]
    within: Within,
}

/// Assigns a role.
pub(crate) async fn assign(arguments: &Assign, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let parameters = &arguments.parameters;
    let request = AssignRoleRequest {
        subject: at.subject(&arguments.subject).await?,
        role: at.role(&arguments.role).await?,
        scope: at.scope(&arguments.scope).await?,
        account: at.account,
        parameters: (!parameters.is_empty()).then(|| wire::struct_of(parameters.clone())),
        expire_time: arguments.until.map(wire::timestamp),
        validate_only: arguments.dry_run.dry_run,
        replace: arguments.replace,
        ..AssignRoleRequest::default()
    };
    let done = message(at.client.authorization().binding().assign_role(request).await)?;
    arguments.dry_run.answer(output, &done, "assigned")
}

/// Revokes a role.
pub(crate) async fn revoke(arguments: &Revoke, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let request = RevokeRoleRequest {
        subject: at.subject(&arguments.subject).await?,
        role: at.role(&arguments.role).await?,
        scope: at.scope(&arguments.scope).await?,
        account: at.account,
        validate_only: arguments.dry_run.dry_run,
        ..RevokeRoleRequest::default()
    };
    let done = message(at.client.authorization().binding().revoke_role(request).await)?;
    arguments.dry_run.answer(output, &done, "revoked")
}

/// Hands a single-holder role over.
pub(crate) async fn transfer(arguments: &Transfer, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let (to, scope) = (at.user(&arguments.to).await?, at.scope(&arguments.scope).await?);
    let (connection, validate_only) = (&arguments.within.connection, arguments.dry_run.dry_run);
    let Some(justification) = &arguments.recover else {
        let method = "bailiwick.authorization.v1.BindingService/TransferOwnership";
        let call = || {
            let request = TransferOwnershipRequest {
                account: at.account.clone(),
                scope: scope.clone(),
                to: format!("user:{to}"),
                validate_only,
            };
            let mut service = at.client.authorization().binding();
            async move { service.transfer_ownership(request).await }
        };
        let came = StepUp { connection, method }.call(&at.client, call).await?;
        return arguments.dry_run.answer(output, &came, "handed over");
    };
    let method = "bailiwick.authorization.v1.BindingService/RecoverOwnership";
    let call = || {
        let request = RecoverOwnershipRequest {
            account: at.account.clone(),
            scope: scope.clone(),
            to: format!("user:{to}"),
            justification: justification.clone(),
            validate_only,
        };
        let mut service = at.client.authorization().binding();
        async move { service.recover_ownership(request).await }
    };
    let came = StepUp { connection, method }.call(&at.client, call).await?;
    arguments.dry_run.answer(output, &came, "handed over")
}

/// Copies what one member has to another.
pub(crate) async fn copy(arguments: &Copy, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let request = CopyPermissionsRequest {
        from: at.subject(&arguments.from).await?,
        to: at.subject(&arguments.to).await?,
        account: at.account,
        kinds: arguments.types.clone(),
        validate_only: arguments.dry_run.dry_run,
    };
    let done = message(
        at.client
            .authorization()
            .binding()
            .copy_permissions(request)
            .await,
    )?;
    arguments.dry_run.answer(output, &done, "copied")
}

/// Lists who has which role where.
pub(crate) async fn bindings(arguments: &Bindings, output: Output) -> Result<()> {
    let at = arguments.within.open().await?;
    let subject = match &arguments.of {
        Some(subject) => at.subject(subject).await?,
        None => String::new(),
    };
    let scope = match &arguments.on {
        Some(scope) => at.scope(scope).await?,
        None => String::new(),
    };
    let request = ListBindingsRequest {
        account: at.account,
        subject,
        scope,
        ..ListBindingsRequest::default()
    };
    let all = all_pages!(
        at.client.authorization().binding(),
        list_bindings,
        request,
        bindings
    );
    answer(output, &all, "none")
}
