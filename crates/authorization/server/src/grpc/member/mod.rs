//! Members.

mod batch_remove_members;
pub(crate) mod create_member;
mod delete_member;
mod get_member;
mod get_seats;
mod list_members;
mod look_up_member;
mod reactivate_member;
mod remove_member;
mod suspend_member;
mod update_member;

use bailiwick_proto::authorization::v1::{self as pb, member_service_server::MemberService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, UserId};
use tonic::Status;

use super::Api;

bailiwick_rpc::serve! {
    Api: MemberService {}
    create_member(CreateMemberRequest) -> CreateMemberResponse;
    get_member(GetMemberRequest) -> GetMemberResponse;
    list_members(ListMembersRequest) -> ListMembersResponse;
    update_member(UpdateMemberRequest) -> UpdateMemberResponse;
    suspend_member(SuspendMemberRequest) -> SuspendMemberResponse;
    reactivate_member(ReactivateMemberRequest) -> ReactivateMemberResponse;
    remove_member(RemoveMemberRequest) -> RemoveMemberResponse;
    look_up_member(LookUpMemberRequest) -> LookUpMemberResponse;
    delete_member(DeleteMemberRequest) -> DeleteMemberResponse;
    get_seats(GetSeatsRequest) -> GetSeatsResponse;
    batch_remove_members(BatchRemoveMembersRequest) -> BatchRemoveMembersResponse;
}

/// Reads the account and the user of a request.
fn named(account: &str, user: &str) -> Result<(AccountId, UserId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let user = fields.take("user", user.parse());
    fields.finish(account.zip(user))
}

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
