//! Groups.

mod add_group_member;
mod create_group;
mod delete_group;
mod get_group;
mod list_group_members;
mod list_groups;
mod remove_group_member;

use bailiwick_authorization_core::group::Group;
use bailiwick_proto::authorization::v1::{self as pb, group_service_server::GroupService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, GroupId, Subject};
use tonic::Status;

use super::{Api, convert};

bailiwick_rpc::serve! {
    Api: GroupService {}
    create_group(CreateGroupRequest) -> CreateGroupResponse;
    get_group(GetGroupRequest) -> GetGroupResponse;
    list_groups(ListGroupsRequest) -> ListGroupsResponse;
    delete_group(DeleteGroupRequest) -> DeleteGroupResponse;
    add_group_member(AddGroupMemberRequest) -> AddGroupMemberResponse;
    remove_group_member(RemoveGroupMemberRequest) -> RemoveGroupMemberResponse;
    list_group_members(ListGroupMembersRequest) -> ListGroupMembersResponse;
}

fn group(of: Group) -> pb::Group {
    pb::Group {
        group: of.id.to_string(),
        account: of.account.to_string(),
        title: of.title,
        create_time: Some(convert::timestamp(of.created_at)),
    }
}

/// Reads the account and the group of a request.
fn named(account: &str, group: &str) -> Result<(AccountId, GroupId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let group = fields.take("group", group.parse());
    fields.finish(account.zip(group))
}

/// Reads the account, the group and the member of a request.
fn with_member(account: &str, group: &str, member: &str) -> Result<(AccountId, GroupId, Subject), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let group = fields.take("group", group.parse());
    let member: Option<Subject> = fields.take("member", member.parse());
    let kind = member.as_ref().map(Subject::kind);
    if kind.is_some_and(|kind| !matches!(kind, "user" | "group")) {
        fields.violate("member", "must be `user:ID` or `group:ID`");
    }
    fields.finish_with(|| Some((account?, group?, member?)))
}
