//! Approvals.

mod approve_request;
mod consume_approval;
mod get_approval;
mod list_approvals;
mod reject_request;
mod request_approval;
mod withdraw_request;

use bailiwick_authorization_core::{
    On,
    approval::{Approval, State},
};
use bailiwick_proto::authorization::v1::{self as pb, approval_service_server::ApprovalService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, ApprovalId};
use tonic::Status;

use super::{Api, convert, grant::on};
use crate::variants::same_variants;

/// The longest digest.
const DIGEST: usize = 256;
/// The longest name of a permission.
const PERMISSION: usize = 128;

bailiwick_rpc::serve! {
    Api: ApprovalService {}
    request_approval(RequestApprovalRequest) -> RequestApprovalResponse;
    get_approval(GetApprovalRequest) -> GetApprovalResponse;
    list_approvals(ListApprovalsRequest) -> ListApprovalsResponse;
    approve_request(ApproveRequestRequest) -> ApproveRequestResponse;
    reject_request(RejectRequestRequest) -> RejectRequestResponse;
    withdraw_request(WithdrawRequestRequest) -> WithdrawRequestResponse;
    consume_approval(ConsumeApprovalRequest) -> ConsumeApprovalResponse;
}

same_variants! {
    fn approval_state(State => pb::ApprovalState) { Pending, Approved, Rejected, Withdrawn, Consumed }
}

fn approval(api: &Api, of: Approval) -> pb::Approval {
    let over = of.expires_at.is_some_and(|at| at <= api.ports.clock.now());
    let state = match of.state {
        State::Pending | State::Approved if over => pb::ApprovalState::Expired,
        state => approval_state(state),
    };
    pb::Approval {
        approval: of.id.to_string(),
        account: of.account.to_string(),
        requester: of.requester.to_string(),
        permission: of.permission,
        target: of.on.to_string(),
        digest: of.digest,
        state: state.into(),
        decider: of.decider.as_ref().map(ToString::to_string).unwrap_or_default(),
        create_time: Some(convert::timestamp(of.created_at)),
        expire_time: of.expires_at.map(convert::timestamp),
    }
}

/// Reads the account and the id of a request for an approval.
fn named(account: &str, approval: &str) -> Result<(AccountId, ApprovalId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let approval = fields.take("approval", approval.parse());
    fields.finish(account.zip(approval))
}

/// Reads what an approval is requested or used for: the account, the permission, the target and the digest.
fn question(
    fields: &mut Fields,
    account: &str,
    permission: &str,
    target: &str,
    digest: &str,
) -> Option<(AccountId, String, On, String)> {
    let account = fields.account(account);
    let permission = fields.text("permission", permission, PERMISSION);
    let on = on(fields, "target", target, account);
    let digest = fields.short("digest", digest, DIGEST);
    Some((account?, permission?, on?, digest?))
}
