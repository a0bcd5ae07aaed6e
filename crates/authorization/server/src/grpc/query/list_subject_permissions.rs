//! `ListSubjectPermissions`: who may do what on one target.

use bailiwick_authorization_engine::TargetText;
use bailiwick_types::{Refused, Scope, Subject, method::authorization::ListSubjectPermissions};

use super::{Queries, ask};
use crate::grpc::prelude::*;
use crate::lists::After;

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListSubjectPermissions, pb::ListSubjectPermissionsRequest>,
) -> Result<pb::ListSubjectPermissionsResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut fields = Fields::new();
    let account = fields.account(&asked.account);
    let target = fields.take("target", TargetText::parse(&asked.target));
    let size = fields.page_size(asked.page_size);
    let (account, target, size) = fields.finish_with(|| Some((account?, target?, size?)))?;
    let list = ["ListSubjectPermissions", &*asked.account, &*asked.target];
    let paging = Paging::<After>::new(&list, size, &asked.page_token)?;
    let wanted = ask::consistency(context, asked.consistency.as_ref())?;
    let (replica, guard) = (&queries.replica, &queries.guard);
    let read = ask::known_caller(replica, guard, context, account, wanted).await?;
    let scope = queries.replica.scope_of(&read, target).await;
    // For a target that does not exist the right is asked on the account: without it, the caller does not
    // learn that.
    let on = scope.as_ref().ok().cloned().flatten();
    let on = on.unwrap_or(Scope::Account(account));
    let by = queries
        .guard
        .authorize(&call, &Target::scope(account, &on))
        .await?;
    let access = by.account().ok_or_else(|| status(Refused::Denied))?;
    if scope.map_err(status)?.is_none() {
        return Err(status(Refused::NotFound("target")));
    }
    let after = paging.page.after.clone().unwrap_or_default();
    let people = queries.lists.people(access, &after, size.rows()).await;
    let (people, next_page_token) = paging.cut(people.map_err(status)?, |last| last.key.clone());
    let subjects: Vec<Subject> = people.iter().map(|person| person.subject.clone()).collect();
    let rows = queries
        .replica
        .matrix(&read, &subjects, target)
        .await
        .map_err(status)?;
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
        next_page_token,
        revision,
    })
}
