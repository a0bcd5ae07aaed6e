//! Members.

mod command;

use bailiwick_authorization_core::{
    member::Member,
    seat,
    use_case::{
        batch_remove_members, create_member, delete_member, look_up_member, remove_member, suspend_member,
        update_member,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, member_service_server::MemberService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{Refused, Scope, Subject, UserId};
use tonic::{Request, Response, Status};

use super::{Api, convert, encoded, page_of, status, written::Written};
pub(super) use command::create_command;
use command::{batch_command, delete_command, pair, remove_command, update_command};

impl Api {
    async fn set_suspended(
        &self,
        context: &Context,
        command: suspend_member::Command,
        validate_only: bool,
    ) -> Result<Written<Member>, Status> {
        let subject = Subject::user(command.user);
        let by = self
            .enter(
                context,
                command.account,
                &[&subject],
                Target::account(command.account),
            )
            .await?;
        self.write(
            &by,
            command,
            validate_only,
            suspend_member::preview,
            suspend_member::execute,
        )
        .await
    }
}

#[tonic::async_trait]
impl MemberService for Api {
    async fn create_member(
        &self,
        request: Request<pb::CreateMemberRequest>,
    ) -> Result<Response<pb::CreateMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = create_command(request.get_ref())?;
        let validate_only = request.get_ref().validate_only;
        let by = self
            .enter(
                &context,
                command.account,
                &[&Subject::user(command.user)],
                Target::account(command.account),
            )
            .await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                create_member::preview,
                create_member::execute,
            )
            .await?;
        Ok(Response::new(pb::CreateMemberResponse {
            member: done.made.as_ref().map(convert::member),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn get_member(
        &self,
        request: Request<pb::GetMemberRequest>,
    ) -> Result<Response<pb::GetMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, user) = pair(&request.get_ref().account, &request.get_ref().user)?;
        let by = self
            .enter(
                &context,
                account,
                &[&Subject::user(user)],
                Target::account(account),
            )
            .await?;
        let read = self.read(&by, account).await?;
        let member = read
            .member(user)
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("member")))?;
        Ok(Response::new(pb::GetMemberResponse {
            member: Some(convert::member(&member)),
        }))
    }

    async fn list_members(
        &self,
        request: Request<pb::ListMembersRequest>,
    ) -> Result<Response<pb::ListMembersResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let (account, size) = fields.finish(account.zip(size))?;
        let list = ["ListMembers", &request.account];
        let after: Option<UserId> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let rows = read.members(after, size.get() + 1).await.map_err(status)?;
        let (rows, next) = page_of(&list, rows, size.get(), |last| last.user);
        Ok(Response::new(pb::ListMembersResponse {
            members: rows.iter().map(convert::member).collect(),
            next_page_token: next,
        }))
    }

    async fn update_member(
        &self,
        request: Request<pb::UpdateMemberRequest>,
    ) -> Result<Response<pb::UpdateMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = update_command(request.get_ref())?;
        let validate_only = request.get_ref().validate_only;
        let by = self
            .enter(
                &context,
                command.account,
                &[&Subject::user(command.user)],
                Target::account(command.account),
            )
            .await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                update_member::preview,
                update_member::execute,
            )
            .await?;
        Ok(Response::new(pb::UpdateMemberResponse {
            member: done.made.as_ref().map(convert::member),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn suspend_member(
        &self,
        request: Request<pb::SuspendMemberRequest>,
    ) -> Result<Response<pb::SuspendMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.get_ref();
        let (account, user) = pair(&request.account, &request.user)?;
        let command = suspend_member::Command {
            account,
            user,
            suspend: true,
        };
        let done = self
            .set_suspended(&context, command, request.validate_only)
            .await?;
        Ok(Response::new(pb::SuspendMemberResponse {
            member: done.made.as_ref().map(convert::member),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn reactivate_member(
        &self,
        request: Request<pb::ReactivateMemberRequest>,
    ) -> Result<Response<pb::ReactivateMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.get_ref();
        let (account, user) = pair(&request.account, &request.user)?;
        let command = suspend_member::Command {
            account,
            user,
            suspend: false,
        };
        let done = self
            .set_suspended(&context, command, request.validate_only)
            .await?;
        Ok(Response::new(pb::ReactivateMemberResponse {
            member: done.made.as_ref().map(convert::member),
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn remove_member(
        &self,
        request: Request<pb::RemoveMemberRequest>,
    ) -> Result<Response<pb::RemoveMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = remove_command(request.get_ref())?;
        let validate_only = request.get_ref().validate_only;
        self.wait(&context, command.account, &[&Subject::user(command.user)])
            .await?;
        let at = command.scope.clone().unwrap_or(Scope::Account(command.account));
        let by = self
            .guard
            .authorize_any(&context, Target::scope(command.account, &at))
            .await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                remove_member::preview,
                remove_member::execute,
            )
            .await?;
        Ok(Response::new(pb::RemoveMemberResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn look_up_member(
        &self,
        request: Request<pb::LookUpMemberRequest>,
    ) -> Result<Response<pb::LookUpMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, user) = pair(&request.get_ref().account, &request.get_ref().user)?;
        let by = self
            .enter(
                &context,
                account,
                &[&Subject::user(user)],
                Target::account(account),
            )
            .await?;
        let active = look_up_member::execute(&self.ports, &by, account, user)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::LookUpMemberResponse { active }))
    }

    async fn delete_member(
        &self,
        request: Request<pb::DeleteMemberRequest>,
    ) -> Result<Response<pb::DeleteMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = delete_command(request.get_ref())?;
        let validate_only = request.get_ref().validate_only;
        let by = self
            .enter(
                &context,
                command.account,
                &[&Subject::user(command.user)],
                Target::account(command.account),
            )
            .await?;
        let done = self
            .write(
                &by,
                command,
                validate_only,
                delete_member::preview,
                delete_member::execute,
            )
            .await?;
        Ok(Response::new(pb::DeleteMemberResponse {
            token: done.token,
            changes: done.changes,
        }))
    }

    async fn get_seats(
        &self,
        request: Request<pb::GetSeatsRequest>,
    ) -> Result<Response<pb::GetSeatsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let mut fields = Fields::new();
        let account = fields.account(&request.get_ref().account);
        let account = fields.finish(account)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let of = read
            .account()
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("member")))?;
        let seats = seat::count(&*read, &of, self.ports.clock.now())
            .await
            .map_err(status)?;
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Response::new(pb::GetSeatsResponse {
            limit: seats.limit.map(small).unwrap_or_default(),
            used: small(seats.used),
            ending: small(seats.ending),
        }))
    }

    async fn batch_remove_members(
        &self,
        request: Request<pb::BatchRemoveMembersRequest>,
    ) -> Result<Response<pb::BatchRemoveMembersResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = batch_command(request.get_ref())?;
        let subjects: Vec<Subject> = command.users.iter().copied().map(Subject::user).collect();
        let known: Vec<&Subject> = subjects.iter().collect();
        let by = self
            .enter(
                &context,
                command.account,
                &known,
                Target::account(command.account),
            )
            .await?;
        let (counts, token, effects) = if request.get_ref().validate_only {
            let told = batch_remove_members::preview(&self.ports, &by, command).await;
            let (counts, effects) = told.map_err(status)?;
            (counts, String::new(), effects)
        } else {
            let done = batch_remove_members::execute(&self.ports, &by, command).await;
            let (counts, token) = done.map_err(status)?;
            (counts, encoded(&token), Vec::new())
        };
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Response::new(pb::BatchRemoveMembersResponse {
            members: small(counts.members),
            bindings: small(counts.bindings),
            grants: small(counts.grants),
            token,
            changes: self.told(&by, effects).await?,
        }))
    }
}
