//! `UpdateResource`.

use bailiwick_authorization_core::resource::{MAX_TITLE, Name, update::Update};
use bailiwick_types::{AccountId, method::authorization::UpdateResource};

use super::target;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<UpdateResource, pb::UpdateResourceRequest>,
) -> Result<pb::UpdateResourceResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (call, message) = call.split();
    let (account, update) = read(message)?;
    let by = api.authorize(&call, &[], &target(account, &update.name)).await?;
    let answer = api.run(by, update).await?;
    Ok(pb::UpdateResourceResponse {
        resource: answer.committed.then(|| convert::resource(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}

pub(crate) fn read(message: pb::UpdateResourceRequest) -> Result<(AccountId, Update), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let name = fields.take("resource", message.resource.parse::<Name>());
    let title = match &message.title {
        None => Some(None),
        Some(title) => fields.short("title", title, MAX_TITLE).map(Some),
    };
    let parent = match &message.parent {
        None => Some(None),
        Some(parent) => fields.optional("parent", parent).map(Some),
    };
    let attributes = message.attributes.map(convert::map_of).unwrap_or_default();
    fields.finish_with(|| {
        let update = Update {
            name: name?,
            title: title?,
            parent: parent?,
            attributes,
        };
        Some((account?, update))
    })
}
