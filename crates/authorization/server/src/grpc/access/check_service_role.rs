//! `CheckServiceRole`.

use bailiwick_authorization_core::service_role::{self, Answer, Question};
use bailiwick_types::{Scope, Subject, method::authorization::CheckServiceRole};

use crate::grpc::prelude::*;

/// The longest name of a role.
const ROLE: usize = 100;

pub(super) async fn handle(
    api: &Api,
    call: Call<CheckServiceRole, pb::CheckServiceRoleRequest>,
) -> Result<pb::CheckServiceRoleResponse, Status> {
    let (context, message) = (&call.context, &call.message);
    let mut fields = Fields::new();
    let maker: Option<Subject> = fields.take("maker", message.maker.parse());
    let scope: Option<Scope> = fields.take("scope", message.scope.parse());
    let role = match message.role.as_str() {
        "" => Some(None),
        role => fields.text("role", role, ROLE).map(Some),
    };
    let ((maker, scope), role) = fields.finish(maker.zip(scope).zip(role))?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let account = match &scope {
        Scope::Account(account) => Some(*account),
        _ => None,
    };
    api.fresh.known(context, &maker).await?;
    api.fresh.wait(context, account, &[&maker]).await?;
    let question = Question {
        scope,
        role,
        maker,
        operator_allowed: message.operator_allowed,
    };
    let answer = service_role::check(&api.ports, &by, &question).await;
    Ok(match answer.map_err(status)? {
        Answer::Fits => pb::CheckServiceRoleResponse {
            fits: true,
            available: Vec::new(),
        },
        Answer::Unfit { available } => pb::CheckServiceRoleResponse {
            fits: false,
            available,
        },
    })
}
