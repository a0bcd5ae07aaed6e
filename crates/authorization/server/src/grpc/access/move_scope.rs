//! `MoveScope`.

use bailiwick_authorization_core::relocation::{self, Mover, Relocation};
use bailiwick_types::{Scope, method::authorization::MoveScope};

use super::version;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<MoveScope, pb::MoveScopeRequest>,
) -> Result<pb::MoveScopeResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let scope = fields.scope("scope", &message.scope, account);
    if scope
        .as_ref()
        .is_some_and(|scope| !matches!(scope, Scope::Workspace(_)))
    {
        fields.violate("scope", "must be `workspace:ID`");
    }
    let target = fields.required("target_account", &message.target_account);
    let parent = fields.scope("parent", &message.parent, target);
    if matches!(parent, Some(Scope::Workspace(_))) {
        fields.violate("parent", "must be an account or `instance:ID`");
    }
    let actor = fields.take("actor", message.actor.parse());
    let version = version(&mut fields, &message.epoch, message.version);
    let ends = account.zip(scope).zip(target.zip(parent));
    let (((account, scope), (target, parent)), (subject, version)) =
        fields.finish(ends.zip(actor.zip(version)))?;
    // It names no account: a move is about two.
    let by = api.guard.authorize(&call, &Target::none()).await?;
    for account in [account, target] {
        api.fresh.wait(&call.context, Some(account), &[&subject]).await?;
    }
    let of = Relocation {
        account,
        scope,
        target,
        parent,
        version,
        mover: Some(Mover {
            subject,
            operator: message.operator,
            target_operator: message.target_operator,
        }),
    };
    let refused = |error| status(relocation::Refusal::from(error));
    if message.validate_only && message.check_only {
        let ports = api.ports.clone();
        let run = async move { relocation::check(&ports, &by, &of).await.map_err(refused) };
        api.tasks.run(run).await?;
        return Ok(pb::MoveScopeResponse::default());
    }
    if message.validate_only {
        let effects = relocation::preview(&api.ports, &by, &of).await.map_err(refused)?;
        return Ok(pb::MoveScopeResponse {
            token: String::new(),
            changes: api.told(&by, effects).await?,
        });
    }
    let ports = api.ports.clone();
    let run = async move { relocation::relocate(&ports, &by, of).await.map_err(refused) };
    let token = api.tasks.run(run).await?;
    Ok(pb::MoveScopeResponse {
        token: encoded(&token),
        changes: Vec::new(),
    })
}
