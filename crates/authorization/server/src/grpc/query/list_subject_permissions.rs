//! `ListSubjectPermissions`: who may do what on one target.

use bailiwick_authorization_engine::TargetText;
use bailiwick_rpc::{page, status};
use bailiwick_types::{
    PageSize, Refused, Scope, Subject, Violations, method::authorization::ListSubjectPermissions,
};

use super::{Queries, ask};
use crate::grpc::prelude::*;
use crate::lists::After;

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListSubjectPermissions, pb::ListSubjectPermissionsRequest>,
) -> Result<pb::ListSubjectPermissionsResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut violations = Violations::new();
    let account = ask::account(&mut violations, &asked.account);
    let target = violations.take("target", TargetText::parse(&asked.target));
    let size = violations.take("page_size", PageSize::new(asked.page_size));
    let (Some(account), Some(target), Some(size)) = (account, target, size) else {
        return Err(violations.into_status());
    };
    let list = ["ListSubjectPermissions", &*asked.account, &*asked.target];
    let after: Option<After> = page::decode(&list, &asked.page_token).map_err(IntoStatus::into_status)?;
    let wanted = ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
    ask::known_caller(&queries.replica, context, account, &wanted).await?;
    let scope = queries
        .replica
        .scope_of(account, target, &wanted, context.deadline)
        .await;
    // For a target that does not exist the right is asked on the account: without it, the caller does not
    // learn that.
    let on = scope.as_ref().ok().cloned().flatten();
    let on = on.unwrap_or(Scope::Account(account));
    let by = queries
        .guard
        .authorize(&call, &Target::scope(account, &on))
        .await?;
    let access = by.account().ok_or_else(|| status(&Refused::Denied))?;
    if scope.map_err(|error| status(&error))?.is_none() {
        return Err(status(&Refused::NotFound("target")));
    }
    let room = usize::try_from(size.get()).unwrap_or(usize::MAX);
    let mut people = queries
        .lists
        .people(access, &after.unwrap_or_default(), room)
        .await
        .map_err(IntoStatus::into_status)?;
    let more = people.len() > room;
    people.truncate(room);
    let next = people
        .last()
        .filter(|_| more)
        .map(|last| page::encode(&list, &last.key));
    let subjects: Vec<Subject> = people.iter().map(|person| person.subject.clone()).collect();
    let rows = queries
        .replica
        .matrix(account, &subjects, target, &wanted, context.deadline)
        .await
        .map_err(|error| status(&error))?;
    let revision = rows.revision;
    let subjects = people
        .into_iter()
        .zip(rows.answer)
        .filter(|(_, (allowed, needing))| !allowed.is_empty() || !needing.is_empty())
        .map(
            |(person, (permissions, needing_approval))| pb::SubjectPermissions {
                subject: person.subject.to_string(),
                email: person.email.unwrap_or_default(),
                permissions,
                needing_approval,
            },
        );
    Ok(pb::ListSubjectPermissionsResponse {
        subjects: subjects.collect(),
        next_page_token: next.unwrap_or_default(),
        revision,
    })
}
