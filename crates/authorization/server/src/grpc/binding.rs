//! Role bindings.

use bailiwick_authorization_core::{
    binding::Filter,
    use_case::{assign_role, copy_permissions, recover_ownership, revoke_role, transfer_ownership},
};
use bailiwick_proto::authorization::v1::{self as pb, binding_service_server::BindingService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::Subject;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Api, convert, encoded, page_of, status, text};

/// The longest name of a role.
const ROLE: usize = 100;

pub(super) fn assign_command(request: pb::AssignRoleRequest) -> Result<assign_role::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let subject = fields.take("subject", request.subject.parse());
    let role = fields.text("role", &request.role, ROLE);
    let scope = fields.scope("scope", &request.scope, account);
    let expires_at = fields.time("expire_time", request.expire_time);
    let parameters = request.parameters.map(convert::map_of).unwrap_or_default();
    let command = (|| {
        Some(assign_role::Command {
            account: account?,
            subject: subject?,
            role: role?,
            scope: scope?,
            parameters,
            expires_at: expires_at?,
        })
    })();
    fields.finish(command)
}

pub(super) fn revoke_command(request: &pb::RevokeRoleRequest) -> Result<revoke_role::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let subject = fields.take("subject", request.subject.parse());
    let role = fields.text("role", &request.role, ROLE);
    let scope = fields.scope("scope", &request.scope, account);
    let command = (|| {
        Some(revoke_role::Command {
            account: account?,
            subject: subject?,
            role: role?,
            scope: scope?,
        })
    })();
    fields.finish(command)
}

#[tonic::async_trait]
impl BindingService for Api {
    async fn assign_role(
        &self,
        request: Request<pb::AssignRoleRequest>,
    ) -> Result<Response<pb::AssignRoleResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let validate_only = request.validate_only;
        let command = assign_command(request)?;
        let by = self
            .enter(
                &context,
                command.account,
                &[&command.subject],
                Target::scope(command.account, &command.scope),
            )
            .await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                assign_role::preview,
                assign_role::execute,
            )
            .await?;
        Ok(Response::new(pb::AssignRoleResponse {
            binding: done.made.map(convert::binding),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn revoke_role(
        &self,
        request: Request<pb::RevokeRoleRequest>,
    ) -> Result<Response<pb::RevokeRoleResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = revoke_command(request.get_ref())?;
        let by = self
            .enter(
                &context,
                command.account,
                &[&command.subject],
                Target::scope(command.account, &command.scope),
            )
            .await?;
        let done = self
            .write(
                &by,
                command,
                request.get_ref().validate_only,
                revoke_role::preview,
                revoke_role::execute,
            )
            .await?;
        Ok(Response::new(pb::RevokeRoleResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn list_bindings(
        &self,
        request: Request<pb::ListBindingsRequest>,
    ) -> Result<Response<pb::ListBindingsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let scope = fields.optional_scope("scope", &request.scope, account);
        let subject: Option<Subject> = if request.subject.is_empty() {
            None
        } else {
            fields.take("subject", request.subject.parse())
        };
        let parsed = (|| {
            Some((
                account?,
                size?,
                Filter {
                    subject,
                    scope: scope?,
                },
            ))
        })();
        let (account, size, filter) = fields.finish(parsed)?;
        let at = text(filter.scope.as_ref());
        let list = ["ListBindings", &request.account, &request.subject, &at];
        let after: Option<Uuid> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let rows = read
            .bindings(&filter, after, size.get() + 1)
            .await
            .map_err(status)?;
        let (rows, next) = page_of(&list, rows, size.get(), |last| last.id.uuid());
        Ok(Response::new(pb::ListBindingsResponse {
            bindings: rows.into_iter().map(convert::binding).collect(),
            next_page_token: next,
        }))
    }

    async fn transfer_ownership(
        &self,
        request: Request<pb::TransferOwnershipRequest>,
    ) -> Result<Response<pb::TransferOwnershipResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let validate_only = request.validate_only;
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let scope = fields.scope("scope", &request.scope, account);
        let to = fields.user_subject("to", &request.to);
        let command = (|| {
            Some(transfer_ownership::Command {
                account: account?,
                scope: scope?,
                to: to?,
            })
        })();
        let command = fields.finish(command)?;
        self.wait(&context, command.account, &[&Subject::user(command.to)])
            .await?;
        // The right comes before the step-up, and the step-up before anything else is told. A preview uses none up.
        let target = Target::scope(command.account, &command.scope);
        let (account, scope) = (command.account, command.scope.clone());
        let by = self
            .guard
            .authorize_any_after(&context, target, validate_only, async |by| {
                transfer_ownership::check_right(&self.ports, by, account, &scope)
                    .await
                    .map_err(status)
            })
            .await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                transfer_ownership::preview,
                transfer_ownership::execute,
            )
            .await?;
        Ok(Response::new(pb::TransferOwnershipResponse {
            binding: done.made.map(convert::binding),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn recover_ownership(
        &self,
        request: Request<pb::RecoverOwnershipRequest>,
    ) -> Result<Response<pb::RecoverOwnershipResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let validate_only = request.validate_only;
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let scope = fields.scope("scope", &request.scope, account);
        let to = fields.user_subject("to", &request.to);
        let justification = fields.text("justification", &request.justification, 1_000);
        let command = (|| {
            Some(recover_ownership::Command {
                account: account?,
                scope: scope?,
                to: to?,
                justification: justification?,
            })
        })();
        let command = fields.finish(command)?;
        let by = self
            .enter(
                &context,
                command.account,
                &[&Subject::user(command.to)],
                Target::scope(command.account, &command.scope),
            )
            .await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                recover_ownership::preview,
                recover_ownership::execute,
            )
            .await?;
        Ok(Response::new(pb::RecoverOwnershipResponse {
            binding: done.made.map(convert::binding),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn copy_permissions(
        &self,
        request: Request<pb::CopyPermissionsRequest>,
    ) -> Result<Response<pb::CopyPermissionsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let from = fields.user_subject("from", &request.from);
        let to = fields.user_subject("to", &request.to);
        if request.kinds.is_empty() {
            fields.violate("kinds", "must name at least one type");
        }
        let (kinds, validate_only) = (request.kinds, request.validate_only);
        let command = (|| {
            Some(copy_permissions::Command {
                account: account?,
                from: from?,
                to: to?,
                kinds,
            })
        })();
        let command = fields.finish(command)?;
        let by = self
            .enter(
                &context,
                command.account,
                &[&Subject::user(command.to)],
                Target::account(command.account),
            )
            .await?;
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        if validate_only {
            let (copied, effects) = copy_permissions::preview(&self.ports, &by, command)
                .await
                .map_err(status)?;
            return Ok(Response::new(pb::CopyPermissionsResponse {
                copied: small(copied),
                token: String::new(),
                changes: self.told(&by, effects).await?,
            }));
        }
        let (copied, token) = copy_permissions::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::CopyPermissionsResponse {
            copied: small(copied),
            token: encoded(&token),
            changes: Vec::new(),
        }))
    }
}
