//! `ListResources`: which registered resources of a type a subject may do something on.

use bailiwick_authorization_engine::ResourceQuestion;
use bailiwick_rpc::{page, status};
use bailiwick_types::{PageSize, Subject, Violations, method::authorization::ListResources};
use serde_json::Value as Json;

use super::{Queries, ask};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListResources, pb::ListResourcesRequest>,
) -> Result<pb::ListResourcesResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut violations = Violations::new();
    let account = ask::account(&mut violations, &asked.account);
    let subject = violations.take("subject", asked.subject.parse::<Subject>());
    let size = violations.take("page_size", PageSize::new(asked.page_size));
    ask::names(&mut violations, &asked.permission, &asked.r#type);
    let attributes = ask::attributes(&mut violations, "attributes", asked.attributes.as_ref());
    let (Some(account), Some(subject), Some(size), true) = (account, subject, size, violations.is_empty())
    else {
        return Err(violations.into_status());
    };
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
    let after: Option<String> = page::decode(&list, &asked.page_token).map_err(IntoStatus::into_status)?;
    let wanted = ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
    ask::known_caller(&queries.replica, context, account, &wanted).await?;

    let question = ResourceQuestion {
        subject: &subject,
        permission: &asked.permission,
        type_name: &asked.r#type,
        attributes: attributes.as_ref(),
    };
    // Check the right before anything is scanned.
    let fits = queries
        .replica
        .fits(account, &question, &wanted, context.deadline)
        .await;
    ask::with_right(&queries.near, &call, account, fits, "").await?;
    let found = queries
        .replica
        .resources(
            account,
            &question,
            after.as_deref(),
            usize::try_from(size.get()).unwrap_or(usize::MAX),
            &wanted,
            context.deadline,
        )
        .await
        .map_err(|error| status(&error))?
        .map_err(|error| status(&ask::Unfit::new(error, "")))?;
    Ok(pb::ListResourcesResponse {
        resources: found
            .ids
            .iter()
            .map(|id| format!("{}:{id}", asked.r#type))
            .collect(),
        next_page_token: found.next.map(|id| page::encode(&list, &id)).unwrap_or_default(),
        revision: found.revision,
    })
}
