//! `ListApprovals`.

use bailiwick_authorization_core::approval::{After, Approval, Filter, State, list_waiting::list_waiting};
use bailiwick_types::{Authorized, PageSize, Rows, Subject, method::authorization::ListApprovals};

use super::approval;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListApprovals, pb::ListApprovalsRequest>,
) -> Result<pb::ListApprovalsResponse, Status> {
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let size = fields.page_size(message.page_size);
    let state = state(&mut fields, message);
    let (account, size) = fields.finish(account.zip(size))?;
    let (by, visible) = api.authorize_rows(&call, account).await?;
    let (rows, next_page_token) = if message.waiting_for_me {
        waiting(api, &by, message, size).await?
    } else {
        let requester = by.subject().filter(|_| visible == Rows::Own).cloned();
        let filter = Filter {
            requester,
            state,
            on: None,
        };
        matching(api, &by, message, &filter, size).await?
    };
    Ok(pb::ListApprovalsResponse {
        approvals: rows.into_iter().map(|row| approval(api, row)).collect(),
        next_page_token,
    })
}

fn state(fields: &mut Fields, message: &pb::ListApprovalsRequest) -> Option<State> {
    let state = match message.state() {
        pb::ApprovalState::Unspecified => None,
        pb::ApprovalState::Pending => Some(State::Pending),
        pb::ApprovalState::Approved => Some(State::Approved),
        pb::ApprovalState::Rejected => Some(State::Rejected),
        pb::ApprovalState::Withdrawn => Some(State::Withdrawn),
        pb::ApprovalState::Consumed => Some(State::Consumed),
        pb::ApprovalState::Expired => {
            fields.violate("state", "must be a state that a request is put into");
            None
        }
    };
    if message.waiting_for_me && !matches!(state, None | Some(State::Pending)) {
        fields.violate("state", "must be pending or absent where `waiting_for_me` is set");
    }
    state
}

/// What the caller could decide.
async fn waiting(
    api: &Api,
    by: &Authorized<ListApprovals>,
    message: &pb::ListApprovalsRequest,
    size: PageSize,
) -> Result<(Vec<Approval>, String), Status> {
    let caller = by.subject().map(Subject::as_str).unwrap_or_default();
    let list = ["ListApprovals", "waiting", &*message.account, caller];
    let paging = Paging::<After>::new(&list, size, &message.page_token)?;
    let found = list_waiting(&api.ports, by, paging.page.after, size.rows()).await;
    let (rows, next) = found.map_err(status)?;
    Ok((rows, paging.next_token(next.as_ref())))
}

async fn matching(
    api: &Api,
    by: &Authorized<ListApprovals>,
    message: &pb::ListApprovalsRequest,
    filter: &Filter,
    size: PageSize,
) -> Result<(Vec<Approval>, String), Status> {
    let (requester, number) = (filter.requester.as_ref(), message.state.to_string());
    let requester = requester.map(Subject::as_str).unwrap_or_default();
    let list = ["ListApprovals", &*message.account, requester, &*number];
    let paging = Paging::<After>::new(&list, size, &message.page_token)?;
    let snapshot = api.snapshot(by).await?;
    let rows = snapshot
        .approvals(filter, paging.page.after, paging.limit())
        .await;
    Ok(paging.cut(rows.map_err(status)?, |last| (last.created_at, last.id.uuid())))
}
