//! `ListScopes`: where a subject holds a permission, in all accounts.

use bailiwick_authorization_engine::{AccountRead, QuestionError, ReplicaError};
use bailiwick_types::{AccountId, Refused, Scope, Subject, method::authorization::ListScopes};
use serde::{Deserialize, Serialize};

use super::{Queries, ask};
use crate::grpc::prelude::*;

/// Accounts that are looked up at a time for a list across accounts.
const ACCOUNTS: u64 = 100;

/// Where a page of scopes ended.
#[derive(Debug, Serialize, Deserialize)]
struct ScopeKey {
    account: AccountId,
    scope: String,
}

impl Queries {
    /// The scopes of one account, with their titles left out; nothing at all where its product does not have
    /// the permission. An account that is not known any more has no scopes.
    async fn scopes_in(
        &self,
        read: &AccountRead,
        subject: &Subject,
        permission: Option<&str>,
    ) -> Result<Option<Vec<Scope>>, Status> {
        match self.replica.scopes(read, subject, permission).await {
            Err(ReplicaError::UnknownAccount) => Ok(Some(Vec::new())),
            scopes => scopes.map_err(status),
        }
    }
}

pub(super) async fn handle(
    queries: &Queries,
    call: Call<ListScopes, pb::ListScopesRequest>,
) -> Result<pb::ListScopesResponse, Status> {
    let (context, asked) = (&call.context, &call.message);
    let mut fields = Fields::new();
    let own = context.caller.subject();
    let subject = match (&*asked.subject, own) {
        ("", Some(own)) => Some(own.clone()),
        (text, _) => fields.take("subject", text.parse::<Subject>()),
    };
    let account: Option<Option<AccountId>> = fields.optional("account", &asked.account);
    let size = fields.page_size(asked.page_size);
    let (subject, account, size) = fields.finish_with(|| Some((subject?, account?, size?)))?;
    let list = ["ListScopes", &*asked.subject, &*asked.permission, &*asked.account];
    let paging = Paging::<ScopeKey>::new(&list, size, &asked.page_token)?;
    let after = paging.page.after.as_ref();
    let wanted = ask::consistency(context, asked.consistency.as_ref())?;
    // About itself a caller may ask in any account, with any token.
    let within = account.filter(|_| own != Some(&subject));
    if let Some(account) = within {
        ask::known_caller(&queries.replica, &queries.guard, context, account, wanted.clone()).await?;
    }
    let target = within.map_or_else(Target::none, Target::account);
    let by = queries
        .guard
        .authorize(&call, &target.owned_by(subject.clone()))
        .await?;
    let denied = || status(Refused::Denied);

    let permission = Some(&*asked.permission).filter(|name| !name.is_empty());
    let room = size.rows();
    let mut found: Vec<(AccountId, Scope)> = Vec::new();
    let mut next = after.map(|key| key.account);
    // The account in which the last page ended may have more.
    let mut accounts: Vec<AccountId> = account.or(next).into_iter().collect();
    let mut more = account.is_none();
    // A name that no product of these accounts has is a mistake, not something that is had nowhere. A caller
    // that asks about itself may name any account, and must not learn from this whether there is one.
    let (mut known, mut looked) = (
        after.is_some() || account.is_some() && own == Some(&subject),
        false,
    );
    while found.len() <= room {
        if accounts.is_empty() {
            if !more {
                break;
            }
            let all = by.all_accounts().ok_or_else(denied)?;
            accounts = queries
                .lists
                .accounts_of(all, &subject, next, ACCOUNTS)
                .await
                .map_err(status)?;
            more = !accounts.is_empty();
            if !more {
                break;
            }
        }
        for id in std::mem::take(&mut accounts) {
            next = Some(id);
            let read = AccountRead {
                account: id,
                consistency: wanted.clone(),
                deadline: context.deadline,
            };
            let scopes = queries.scopes_in(&read, &subject, permission).await?;
            (known, looked) = (known || scopes.is_some(), true);
            let scopes = scopes.unwrap_or_default();
            // Ids of places are in the order of their texts only within a level: texts are the order here.
            let mut texts: Vec<(String, Scope)> = scopes
                .into_iter()
                .map(|scope| (scope.to_string(), scope))
                .collect();
            texts.sort();
            let ended = after
                .filter(|key| key.account == id)
                .map(|key| key.scope.as_str());
            let rest = texts
                .into_iter()
                .filter(|(text, _)| ended.is_none_or(|ended| &**text > ended));
            found.extend(rest.map(|(_, scope)| (id, scope)));
            if found.len() > room {
                break;
            }
        }
    }
    if let (Some(name), true, false) = (permission, looked, known) {
        let error = QuestionError::UnknownPermission(0, name.to_owned(), String::new());
        return Err(status(ask::Unfit::new(error, ask::alone)));
    }
    let (found, next_page_token) = paging.cut(found, |(account, scope)| ScopeKey {
        account: *account,
        scope: scope.to_string(),
    });
    let mut scopes = Vec::with_capacity(found.len());
    for of_account in found.chunk_by(|a, b| a.0 == b.0) {
        let Some((id, _)) = of_account.first() else {
            continue;
        };
        let own = Scope::Account(*id);
        let places = of_account.iter().map(|(_, scope)| scope.clone());
        let places: Vec<Scope> = std::iter::once(own).chain(places).collect();
        let mut titles = queries
            .lists
            .titles(by.reads(*id).ok_or_else(denied)?, &places)
            .await
            .map_err(status)?
            .into_iter();
        let account_title = titles.next().unwrap_or_default();
        let places = places.iter().skip(1);
        scopes.extend(places.zip(titles).map(|(scope, title)| pb::HeldScope {
            account: id.to_string(),
            scope: scope.to_string(),
            title,
            account_title: account_title.clone(),
        }));
    }
    Ok(pb::ListScopesResponse {
        scopes,
        next_page_token,
    })
}
