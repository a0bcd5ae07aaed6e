//! `ListSubjects`: who has a role on a scope or above it, or a grant on it or below it.

use bailiwick_policy::manifest::UserMode;
use bailiwick_rpc::{page, status};
use bailiwick_types::{AccountId, PageSize, Refused, Scope, Violations, method::authorization::ListSubjects};

use super::{Queries, ask};
use crate::grpc::prelude::*;

fn scope_field(violations: &mut Violations, account: Option<AccountId>, text: &str) -> Option<Scope> {
    if text.is_empty() {
        return account.map(Scope::Account);
    }
    match text.parse::<Scope>() {
        Ok(scope @ (Scope::Account(_) | Scope::Instance(_) | Scope::Workspace(_))) => Some(scope),
        _ => {
            violations.add("scope", "must be `account:ID`, `instance:ID` or `workspace:ID`");
            None
        }
    }
}

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListSubjects, pb::ListSubjectsRequest>,
) -> Result<pb::ListSubjectsResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut violations = Violations::new();
    let account = ask::account(&mut violations, &asked.account);
    let scope = scope_field(&mut violations, account, &asked.scope);
    let size = violations.take("page_size", PageSize::new(asked.page_size));
    let (Some(account), Some(scope), Some(size)) = (account, scope, size) else {
        return Err(violations.into_status());
    };
    let list = ["ListSubjects", &*asked.account, &*asked.scope];
    let after: Option<String> = page::decode(&list, &asked.page_token).map_err(IntoStatus::into_status)?;
    let wanted = ask::consistency(context, asked.consistency.as_ref()).map_err(IntoStatus::into_status)?;
    queries
        .replica
        .arrive(account, &wanted, &[], context.deadline)
        .await
        .map_err(|error| status(&error))?;
    let by = queries
        .guard
        .authorize(&call, &Target::scope(account, &scope))
        .await?;
    let access = by.account().ok_or_else(|| status(&Refused::Denied))?;
    let mode = queries
        .replica
        .user_mode(account, context.deadline)
        .await
        .map_err(|error| status(&error))?;
    let found = queries
        .lists
        .subjects(
            access,
            &scope,
            mode == UserMode::Members,
            after.as_deref(),
            size.get(),
            queries.clock.now(),
        )
        .await
        .map_err(IntoStatus::into_status)?;
    let room = usize::try_from(size.get()).unwrap_or(usize::MAX);
    let more = found.len() > room;
    let subjects: Vec<pb::SubjectAccess> = found
        .into_iter()
        .take(room)
        .map(|access| pb::SubjectAccess {
            subject: access.subject,
            roles: access.roles,
            granted: access.granted,
        })
        .collect();
    let next_page_token = match subjects.last() {
        Some(last) if more => page::encode(&list, &last.subject),
        _ => String::new(),
    };
    Ok(pb::ListSubjectsResponse {
        subjects,
        next_page_token,
    })
}
