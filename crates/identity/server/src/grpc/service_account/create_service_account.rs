//! Creates a service account.

use bailiwick_identity_core::service_account::{self, create::Command};
use bailiwick_types::{Scope, Token, method::identity::CreateServiceAccount};
use secrecy::ExposeSecret;

use super::{Api, message};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CreateServiceAccount, pb::CreateServiceAccountRequest>,
) -> Result<pb::CreateServiceAccountResponse, Status> {
    let command = command(&call.message, call.context.token.clone())?;
    // Which account, if any, the rights of the maker are asked in.
    let target = match command.scope.as_scope() {
        Scope::Account(account) => Target::account(*account),
        _ => Target::none(),
    };
    let by = api.guard.authorize(&call, &target).await?;
    let create = api.write(|identity| async move { service_account::create(&identity, &by, &command).await });
    let created = create.await?;
    let secret = created
        .secret
        .as_ref()
        .map_or("", |secret| secret.expose_secret());
    Ok(pb::CreateServiceAccountResponse {
        service_account: Some(message(&created.account)),
        secret: secret.to_owned(),
        token: token::answer(&created.token),
    })
}

fn command(request: &pb::CreateServiceAccountRequest, token: Token) -> Result<Command, Status> {
    let mut fields = Fields::new();
    let title = fields.take("title", request.title.parse());
    let scope = fields.required("scope", &request.scope);
    let role = fields.optional("role", &request.role);
    let request_id = fields.optional("request_id", &request.request_id);
    fields.finish_with(|| {
        Some(Command {
            title: title?,
            scope: scope?,
            role: role?,
            request_id: request_id?,
            token,
        })
    })
}
