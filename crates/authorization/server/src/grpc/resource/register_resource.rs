//! `RegisterResource`.

use std::sync::Arc;

use bailiwick_authorization_core::resource::{
    MAX_TITLE, Name,
    register::{Owner, Register},
};
use bailiwick_authorization_engine::{Proposed, ReplicaRights};
use bailiwick_types::{AccountId, Method, method::authorization::RegisterResource};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RegisterResource, pb::RegisterResourceRequest>,
) -> Result<pb::RegisterResourceResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (call, message) = call.split();
    let (account, register) = read(message)?;
    let owner = match &register.owner {
        Owner::Is(owner) => Some(owner),
        Owner::Caller | Owner::Nobody => None,
    };
    let target = Target::scope(account, &register.scope).of_type(&*register.name.of);
    api.wait(&call.context, account, owner.as_slice()).await?;
    // The right is decided on the resource as it would be, so that conditions on it count.
    let rights = ReplicaRights::consistent(Arc::clone(&api.replica)).proposing(proposed(&call, &register));
    let by = api
        .guard
        .with_rights(Arc::new(rights))
        .authorize(&call, &target)
        .await?;
    let answer = api.run(by, register).await?;
    Ok(pb::RegisterResourceResponse {
        resource: answer.committed.then(|| convert::resource(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}

fn proposed<M: Method, R>(call: &Call<M, R>, register: &Register) -> Proposed {
    let caller = call
        .context
        .caller
        .subject()
        .filter(|subject| subject.kind() == "user");
    Proposed {
        type_name: register.name.of.clone(),
        id: register.name.id.clone(),
        owner: match &register.owner {
            Owner::Is(owner) => Some(owner.clone()),
            Owner::Caller => caller.cloned(),
            Owner::Nobody => None,
        },
        attributes: register.attributes.clone(),
    }
}

pub(crate) fn read(message: pb::RegisterResourceRequest) -> Result<(AccountId, Register), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let name = fields.take("resource", message.resource.parse::<Name>());
    let scope = fields.scope("scope", &message.scope, account);
    let parent = fields.optional("parent", &message.parent);
    let title = fields.short("title", &message.title, MAX_TITLE);
    let owner = match message.owner.as_deref() {
        None => Some(Owner::Caller),
        Some("") => Some(Owner::Nobody),
        Some(text) => fields.take("owner", text.parse()).map(Owner::Is),
    };
    let attributes = message.attributes.map(convert::map_of).unwrap_or_default();
    fields.finish_with(|| {
        let register = Register {
            name: name?,
            scope: scope?,
            owner: owner?,
            parent: parent?,
            title: title?,
            attributes,
        };
        Some((account?, register))
    })
}
