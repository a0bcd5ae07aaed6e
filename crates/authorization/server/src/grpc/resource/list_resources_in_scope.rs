//! `ListResourcesInScope`.

use bailiwick_authorization_core::{StoreError, resource::Resource};
use bailiwick_authorization_engine::{
    AccountRead, ReplicaError, ResourcePage, ResourceQuestion, VisiblePage,
};
use bailiwick_policy::PlaceId;
use bailiwick_types::{AccountId, Authorized, Refused, Sight, method::authorization::ListResourcesInScope};

use crate::grpc::{ask, prelude::*};

/// How often rows are read anew because the account changed after they were chosen; then each is asked for.
const ROUNDS: usize = 3;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListResourcesInScope, pb::ListResourcesInScopeRequest>,
) -> Result<pb::ListResourcesInScopeResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let scope = fields.optional_scope("scope", &message.scope, account);
    let of = fields.text("type", &message.r#type, 63);
    let (account, size, scope, of) = fields.finish_with(|| Some((account?, size?, scope?, of?)))?;
    let list = ["ListResourcesInScope", &message.account, &of, &message.scope];
    let paging = Paging::<String>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let context = &call.context;
    if api.guard.is_stranger(context, account).await? {
        return Ok(pb::ListResourcesInScopeResponse::default());
    }
    let sight = api.guard.sight(context, account, &of).await?;
    let subject = context.caller.subject().ok_or_else(|| status(Refused::Denied))?;
    if sight == Sight::Nothing {
        return Ok(pb::ListResourcesInScopeResponse::default());
    }
    let read = AccountRead {
        account,
        consistency: ask::primary(context),
        deadline: context.deadline,
    };
    let permission = format!("{of}.view");
    let question = ResourceQuestion {
        subject,
        permission: &permission,
        type_name: &of,
        attributes: None,
    };
    let wanted = VisiblePage {
        scope: scope.as_ref().map(PlaceId::from),
        after: paging.page.after.as_deref(),
        size: size.rows(),
        all: sight == Sight::Everything,
    };
    let mut round = 0;
    let (page, rows) = loop {
        round += 1;
        let page = match api.replica.visible(&read, &question, wanted).await {
            Err(ReplicaError::UnknownAccount) => return Ok(pb::ListResourcesInScopeResponse::default()),
            page => page.map_err(status)?,
        };
        let page = match page {
            Ok(page) => page,
            Err(error) if sight == Sight::Everything || context.caller.account() == Some(account) => {
                return Err(status(ask::Unfit::new(error, ask::alone)));
            }
            // To others that would reveal that the account exists.
            Err(_) => return Ok(pb::ListResourcesInScopeResponse::default()),
        };
        let (rows, revision) = rows(api, &by, &of, &page).await?;
        if revision == page.revision && sight != Sight::Within {
            break (page, rows);
        }
        if round == ROUNDS || sight == Sight::Within {
            let rows = still_visible(api, &call, account, &of, rows).await?;
            break (page, rows);
        }
    };
    let here = |row: &Resource| scope.as_ref().is_none_or(|scope| row.scope == *scope);
    Ok(pb::ListResourcesInScopeResponse {
        resources: rows.into_iter().filter(here).map(convert::resource).collect(),
        next_page_token: paging.next_token(page.next.map(String::from).as_ref()),
    })
}

/// The rows of a page, and the revision of the account at which they were read.
async fn rows(
    api: &Api,
    by: &Authorized<ListResourcesInScope>,
    of: &str,
    page: &ResourcePage,
) -> Result<(Vec<Resource>, u64), Status> {
    let snapshot = api.snapshot(by).await?;
    let ids: Vec<&str> = page.ids.iter().map(|id| &**id).collect();
    let read = async {
        let rows = snapshot.resources_named(of, &ids).await?;
        Ok::<_, StoreError>((rows, snapshot.revision().await?))
    };
    read.await.map_err(status)
}

/// The rows that the caller may view as the primary is now.
async fn still_visible(
    api: &Api,
    call: &Call<ListResourcesInScope, pb::ListResourcesInScopeRequest>,
    account: AccountId,
    of: &str,
    rows: Vec<Resource>,
) -> Result<Vec<Resource>, Status> {
    let targets: Vec<String> = rows.iter().map(|row| row.name.to_string()).collect();
    let visible = api
        .guard
        .filter_resources(&call.context, account, of, &targets)
        .await?;
    let shown = rows.into_iter().zip(visible);
    Ok(shown
        .filter_map(|(row, visible)| visible.then_some(row))
        .collect())
}
