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

use bailiwick_authorization_core::{member::Member, person::InAccount};
use bailiwick_proto::authorization::v1::{self as pb, member_service_server::MemberService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, UserId};
use tonic::Status;

use super::{Api, Read, convert, status};

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

/// Members with the e-mail addresses of their users.
async fn with_emails(
    snapshot: &(dyn Read + Send + Sync),
    members: &[Member],
) -> Result<Vec<pb::Member>, Status> {
    let people: Vec<InAccount> = members.iter().map(|of| (of.account, of.user)).collect();
    let mut emails = snapshot.emails(&people).await.map_err(status)?;
    let shown = members.iter().map(|of| pb::Member {
        email: emails.remove(&(of.account, of.user)).unwrap_or_default(),
        ..convert::member(of)
    });
    Ok(shown.collect())
}

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
