//! `ListResources`: which registered resources of a type a subject may do something on.

use bailiwick_authorization_engine::ResourceQuestion;
use bailiwick_types::{Subject, method::authorization::ListResources};
use serde_json::Value as Json;

use super::{Queries, ask};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListResources, pb::ListResourcesRequest>,
) -> Result<pb::ListResourcesResponse, Status> {
    let asked = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&asked.account);
    let subject = fields.take("subject", asked.subject.parse::<Subject>());
    let size = fields.page_size(asked.page_size);
    ask::names(&mut fields, &asked.permission, &asked.r#type);
    let attributes = ask::attributes(&mut fields, "attributes", asked.attributes.as_ref());
    let (account, subject, size) = fields.finish_with(|| Some((account?, subject?, size?)))?;
    let given = attributes
        .as_ref()
        .map(|map| Json::Object(map.clone()).to_string());
    let list = [
        "ListResources",
        &*asked.account,
        &*asked.subject,
        &*asked.permission,
        &*asked.r#type,
        given.as_deref().unwrap_or_default(),
    ];
    let paging = Paging::<String>::new(&list, size, &asked.page_token)?;
    let (replica, near) = (&queries.replica, &queries.near);
    let asking = ask::read(replica, near, &call, account, asked.consistency.as_ref()).await?;
    let question = ResourceQuestion {
        subject: &subject,
        permission: &asked.permission,
        type_name: &asked.r#type,
        attributes: attributes.as_ref(),
    };
    // Check the right before anything is scanned.
    let fits = replica.fits(&asking.read, &question).await;
    ask::with_right(near, &call, &asking, fits, ask::alone).await?;
    let found = replica
        .resources(&asking.read, &question, paging.page.after.as_deref(), size.rows())
        .await
        .map_err(status)?
        .map_err(|error| status(ask::Unfit::new(error, ask::alone)))?;
    Ok(pb::ListResourcesResponse {
        resources: found
            .ids
            .iter()
            .map(|id| format!("{}:{id}", asked.r#type))
            .collect(),
        next_page_token: paging.next_token(found.next.map(String::from).as_ref()),
        revision: found.revision,
    })
}
