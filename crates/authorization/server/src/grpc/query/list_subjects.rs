//! `ListSubjects`: who has a role on a scope or above it, or a grant on it or below it.

use bailiwick_policy::manifest::UserMode;
use bailiwick_types::{AccountId, Refused, Scope, method::authorization::ListSubjects};

use super::{Queries, ask};
use crate::grpc::prelude::*;

fn scope_field(fields: &mut Fields, account: Option<AccountId>, text: &str) -> Option<Scope> {
    if text.is_empty() {
        return account.map(Scope::Account);
    }
    match text.parse::<Scope>() {
        Ok(scope @ (Scope::Account(_) | Scope::Instance(_) | Scope::Workspace(_))) => Some(scope),
        _ => {
            fields.violate("scope", "must be `account:ID`, `instance:ID` or `workspace:ID`");
            None
        }
    }
}

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListSubjects, pb::ListSubjectsRequest>,
) -> Result<pb::ListSubjectsResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut fields = Fields::new();
    let account = fields.account(&asked.account);
    let scope = scope_field(&mut fields, account, &asked.scope);
    let size = fields.page_size(asked.page_size);
    let (account, scope, size) = fields.finish_with(|| Some((account?, scope?, size?)))?;
    let list = ["ListSubjects", &*asked.account, &*asked.scope];
    let paging = Paging::<String>::new(&list, size, &asked.page_token)?;
    let wanted = ask::consistency(context, asked.consistency.as_ref())?;
    let (replica, guard) = (&queries.replica, &queries.guard);
    let read = ask::known_caller(replica, guard, context, account, wanted).await?;
    queries.replica.arrive(&read, &[]).await.map_err(status)?;
    let by = queries
        .guard
        .authorize(&call, &Target::scope(account, &scope))
        .await?;
    let access = by.account().ok_or_else(|| status(Refused::Denied))?;
    let mode = queries
        .replica
        .user_mode(account, context.deadline)
        .await
        .map_err(status)?;
    let found = queries
        .lists
        .subjects(
            access,
            &scope,
            mode == UserMode::Members,
            paging.page.after.as_deref(),
            size.get(),
            queries.clock.now(),
        )
        .await
        .map_err(status)?;
    let (found, next_page_token) = paging.cut(found, |last| last.subject.clone());
    let subjects = found.into_iter().map(|access| pb::SubjectAccess {
        subject: access.subject,
        roles: access.roles,
        granted: access.granted,
    });
    Ok(pb::ListSubjectsResponse {
        subjects: subjects.collect(),
        next_page_token,
    })
}
