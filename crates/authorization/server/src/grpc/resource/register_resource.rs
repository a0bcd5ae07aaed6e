//! `RegisterResource`.

use bailiwick_authorization_core::resource::{
    MAX_TITLE, Name,
    register::{Owner, Register},
};
use bailiwick_types::{AccountId, method::authorization::RegisterResource};

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
    let by = api.authorize(&call, owner.as_slice(), &target).await?;
    let answer = api.run(by, register).await?;
    Ok(pb::RegisterResourceResponse {
        resource: answer.committed.then(|| convert::resource(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
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
