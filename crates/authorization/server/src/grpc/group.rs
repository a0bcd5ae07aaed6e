//! Groups.

use bailiwick_authorization_core::{
    group::Group,
    use_case::{
        change_group::{self, Act},
        create_group,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, group_service_server::GroupService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{AccountId, GroupId, Refused, Subject};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Api, convert, encoded, page_of, status, written::Written};

fn group(of: Group) -> pb::Group {
    pb::Group {
        group: of.id.to_string(),
        account: of.account.to_string(),
        title: of.title,
        create_time: Some(convert::timestamp(of.created_at)),
    }
}

fn named(account: &str, group: &str) -> Result<(AccountId, GroupId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let group = fields.take("group", group.parse());
    fields.finish(account.zip(group))
}

fn with_member(account: &str, group: &str, member: &str) -> Result<(AccountId, GroupId, Subject), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let group = fields.take("group", group.parse());
    let member: Option<Subject> = fields.take("member", member.parse());
    if member
        .as_ref()
        .is_some_and(|member| !matches!(member.kind(), "user" | "group"))
    {
        fields.violate("member", "must be `user:ID` or `group:ID`");
    }
    let all = (|| Some((account?, group?, member?)))();
    fields.finish(all)
}

impl Api {
    async fn change_group(
        &self,
        context: &Context,
        (account, group): (AccountId, GroupId),
        act: Act,
        validate_only: bool,
    ) -> Result<Written<()>, Status> {
        let subject = match &act {
            Act::Add(subject) | Act::Remove(subject) => Some(subject),
            Act::Delete => None,
        };
        self.wait(context, account, subject.as_slice()).await?;
        let by = self
            .guard
            .authorize_any(context, Target::account(account))
            .await?;
        let command = change_group::Command { account, group, act };
        self.write(
            &by,
            command,
            validate_only,
            change_group::preview,
            change_group::execute,
        )
        .await
    }
}

#[tonic::async_trait]
impl GroupService for Api {
    async fn create_group(
        &self,
        request: Request<pb::CreateGroupRequest>,
    ) -> Result<Response<pb::CreateGroupResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let title = fields.text("title", &request.title, 200);
        let request_id = match request.request_id.as_str() {
            "" => Some(None),
            id => fields
                .take("request_id", id.parse::<Uuid>())
                .map(|id| Some(id.to_string())),
        };
        let command = (|| {
            Some(create_group::Command {
                account: account?,
                title: title?,
                request_id: request_id?,
            })
        })();
        let command = fields.finish(command)?;
        let by = self
            .enter(&context, command.account, &[], Target::account(command.account))
            .await?;
        let (made, token) = create_group::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::CreateGroupResponse {
            group: Some(group(made)),
            token: encoded(&token),
        }))
    }

    async fn get_group(
        &self,
        request: Request<pb::GetGroupRequest>,
    ) -> Result<Response<pb::GetGroupResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, id) = named(&request.get_ref().account, &request.get_ref().group)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let found = read
            .group(id)
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("group")))?;
        Ok(Response::new(pb::GetGroupResponse {
            group: Some(group(found)),
        }))
    }

    async fn list_groups(
        &self,
        request: Request<pb::ListGroupsRequest>,
    ) -> Result<Response<pb::ListGroupsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let (account, size) = fields.finish(account.zip(size))?;
        let list = ["ListGroups", &request.account];
        let after: Option<Uuid> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let rows = read.groups(after, size.get() + 1).await.map_err(status)?;
        let (rows, next) = page_of(&list, rows, size.get(), |last| last.id.uuid());
        Ok(Response::new(pb::ListGroupsResponse {
            groups: rows.into_iter().map(group).collect(),
            next_page_token: next,
        }))
    }

    async fn delete_group(
        &self,
        request: Request<pb::DeleteGroupRequest>,
    ) -> Result<Response<pb::DeleteGroupResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let which = named(&request.get_ref().account, &request.get_ref().group)?;
        let validate_only = request.get_ref().validate_only;
        let done = self
            .change_group(&context, which, Act::Delete, validate_only)
            .await?;
        Ok(Response::new(pb::DeleteGroupResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn add_group_member(
        &self,
        request: Request<pb::AddGroupMemberRequest>,
    ) -> Result<Response<pb::AddGroupMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let (account, group, member) = with_member(&request.account, &request.group, &request.member)?;
        let done = self
            .change_group(
                &context,
                (account, group),
                Act::Add(member),
                request.validate_only,
            )
            .await?;
        Ok(Response::new(pb::AddGroupMemberResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn remove_group_member(
        &self,
        request: Request<pb::RemoveGroupMemberRequest>,
    ) -> Result<Response<pb::RemoveGroupMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let (account, group, member) = with_member(&request.account, &request.group, &request.member)?;
        let done = self
            .change_group(
                &context,
                (account, group),
                Act::Remove(member),
                request.validate_only,
            )
            .await?;
        Ok(Response::new(pb::RemoveGroupMemberResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn list_group_members(
        &self,
        request: Request<pb::ListGroupMembersRequest>,
    ) -> Result<Response<pb::ListGroupMembersResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let id: Option<GroupId> = fields.take("group", request.group.parse());
        let size = fields.page_size(request.page_size);
        let all = (|| Some((account?, id?, size?.get())))();
        let (account, id, size) = fields.finish(all)?;
        let list = ["ListGroupMembers", &request.account, &request.group];
        let after: Option<String> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        read.group(id)
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("group")))?;
        let rows = read
            .group_members(id, after.as_deref(), size + 1)
            .await
            .map_err(status)?;
        let (rows, next) = page_of(&list, rows, size, std::string::ToString::to_string);
        Ok(Response::new(pb::ListGroupMembersResponse {
            members: rows.iter().map(ToString::to_string).collect(),
            next_page_token: next,
        }))
    }
}
