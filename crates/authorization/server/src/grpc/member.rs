//! Members.

use std::collections::BTreeSet;

use bailiwick_authorization_core::{
    seat,
    use_case::{
        batch_remove_members, create_member, delete_member, look_up_member, remove_member, suspend_member,
        update_member,
    },
};
use bailiwick_policy::manifest::MemberKind;
use bailiwick_proto::authorization::v1::{self as pb, member_service_server::MemberService};
use bailiwick_rpc::{Context, Target, page as pages};
use bailiwick_types::{AccountId, Code, Fault, Reason, Scope, Subject, UserId};
use tonic::{Request, Response, Status};

use super::{Api, convert, encoded, page, parse::Fields, status};

/// The most members that are removed at once.
const BATCH: usize = 1_000;

#[derive(Debug, thiserror::Error)]
#[error("there is no such member")]
struct NoMember;

impl Fault for NoMember {
    fn code(&self) -> Code {
        Code::NotFound
    }
    fn reason(&self) -> Reason {
        Reason::NotFound
    }
}

pub(super) fn create_command(request: &pb::CreateMemberRequest) -> Result<create_member::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let user = fields.user("user", &request.user);
    let expires_at = fields.time("expire_time", request.expire_time);
    let kind = match request.kind() {
        pb::MemberKind::Unspecified | pb::MemberKind::Agent => MemberKind::Agent,
        pb::MemberKind::Customer => MemberKind::Customer,
    };
    let command = (|| {
        Some(create_member::Command {
            account: account?,
            user: user?,
            kind,
            expires_at: expires_at?,
        })
    })();
    fields.with(command)
}

fn batch_command(request: &pb::BatchRemoveMembersRequest) -> Result<batch_remove_members::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    if request.users.is_empty() || request.users.len() > BATCH {
        fields.bad("users", &format!("must be 1 to {BATCH} users"));
    }
    let mut users = Vec::with_capacity(request.users.len());
    let mut seen = BTreeSet::new();
    for (n, text) in request.users.iter().enumerate() {
        let field = format!("users[{n}]");
        let user = fields.user(&field, text);
        if user.is_some_and(|user| !seen.insert(user)) {
            fields.bad(&field, "must not be named twice");
        }
        users.extend(user);
    }
    let command = account.map(|account| batch_remove_members::Command {
        account,
        users,
        validate_only: request.validate_only,
    });
    fields.with(command)
}

fn pair(account: &str, user: &str) -> Result<(AccountId, UserId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let user = fields.user("user", user);
    fields.with(account.zip(user))
}

impl Api {
    async fn set_suspended(
        &self,
        context: &Context,
        (account, user): (AccountId, UserId),
        suspend: bool,
    ) -> Result<(pb::Member, String), Status> {
        self.wait(context, account, &[&Subject::user(user)]).await?;
        let by = self.guard.authorize(context, Target::Account(account)).await?;
        let command = suspend_member::Command {
            account,
            user,
            suspend,
        };
        let (member, token) = suspend_member::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok((convert::member(&member), encoded(&token)))
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
        self.wait(&context, command.account, &[&Subject::user(command.user)])
            .await?;
        let by = self
            .guard
            .authorize(&context, Target::Account(command.account))
            .await?;
        let (member, token) = create_member::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::CreateMemberResponse {
            member: Some(convert::member(&member)),
            token: encoded(&token),
        }))
    }

    async fn get_member(
        &self,
        request: Request<pb::GetMemberRequest>,
    ) -> Result<Response<pb::GetMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, user) = pair(&request.get_ref().account, &request.get_ref().user)?;
        self.wait(&context, account, &[&Subject::user(user)]).await?;
        self.guard.authorize(&context, Target::Account(account)).await?;
        let read = self.ports.store.read(account).await.map_err(status)?;
        let member = read
            .member(account, user)
            .await
            .map_err(status)?
            .ok_or_else(|| status(NoMember))?;
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
        let (account, size) = fields.with(account.zip(size))?;
        let list = ["ListMembers", &request.account];
        let after: Option<UserId> = pages::decode(&list, &request.page_token).map_err(status)?;
        self.wait(&context, account, &[]).await?;
        self.guard.authorize(&context, Target::Account(account)).await?;
        let read = self.ports.store.read(account).await.map_err(status)?;
        let rows = read
            .members(account, after, size.get() + 1)
            .await
            .map_err(status)?;
        let (rows, more) = page(rows, size.get());
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| pages::encode(&list, &last.user));
        Ok(Response::new(pb::ListMembersResponse {
            members: rows.iter().map(convert::member).collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn update_member(
        &self,
        request: Request<pb::UpdateMemberRequest>,
    ) -> Result<Response<pb::UpdateMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let user = fields.user("user", &request.user);
        let expires_at = fields.time("expire_time", request.expire_time);
        let command = (|| {
            Some(update_member::Command {
                account: account?,
                user: user?,
                expires_at: expires_at?,
            })
        })();
        let command = fields.with(command)?;
        self.wait(&context, command.account, &[&Subject::user(command.user)])
            .await?;
        let by = self
            .guard
            .authorize(&context, Target::Account(command.account))
            .await?;
        let (member, token) = update_member::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::UpdateMemberResponse {
            member: Some(convert::member(&member)),
            token: encoded(&token),
        }))
    }

    async fn suspend_member(
        &self,
        request: Request<pb::SuspendMemberRequest>,
    ) -> Result<Response<pb::SuspendMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let who = pair(&request.get_ref().account, &request.get_ref().user)?;
        let (member, token) = self.set_suspended(&context, who, true).await?;
        Ok(Response::new(pb::SuspendMemberResponse {
            member: Some(member),
            token,
        }))
    }

    async fn reactivate_member(
        &self,
        request: Request<pb::ReactivateMemberRequest>,
    ) -> Result<Response<pb::ReactivateMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let who = pair(&request.get_ref().account, &request.get_ref().user)?;
        let (member, token) = self.set_suspended(&context, who, false).await?;
        Ok(Response::new(pb::ReactivateMemberResponse {
            member: Some(member),
            token,
        }))
    }

    async fn remove_member(
        &self,
        request: Request<pb::RemoveMemberRequest>,
    ) -> Result<Response<pb::RemoveMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let user = fields.user("user", &request.user);
        let scope = fields.some_scope("scope", &request.scope, account);
        let command = (|| {
            Some(remove_member::Command {
                account: account?,
                user: user?,
                scope: scope?,
            })
        })();
        let command = fields.with(command)?;
        self.wait(&context, command.account, &[&Subject::user(command.user)])
            .await?;
        let at = command.scope.clone().unwrap_or(Scope::Account(command.account));
        let by = self
            .guard
            .authorize(&context, Target::scope(command.account, &at))
            .await?;
        let token = remove_member::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::RemoveMemberResponse {
            token: encoded(&token),
        }))
    }

    async fn look_up_member(
        &self,
        request: Request<pb::LookUpMemberRequest>,
    ) -> Result<Response<pb::LookUpMemberResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, user) = pair(&request.get_ref().account, &request.get_ref().user)?;
        self.wait(&context, account, &[&Subject::user(user)]).await?;
        let by = self.guard.authorize(&context, Target::Account(account)).await?;
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
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let user = fields.user("user", &request.user);
        let seat_ends = match request.mode() {
            pb::DeleteMode::Unspecified => {
                fields.bad("mode", "must be given");
                None
            }
            pb::DeleteMode::Replace => Some(false),
            pb::DeleteMode::Delete => Some(true),
        };
        let command = (|| {
            Some(delete_member::Command {
                account: account?,
                user: user?,
                seat_ends: seat_ends?,
            })
        })();
        let command = fields.with(command)?;
        self.wait(&context, command.account, &[&Subject::user(command.user)])
            .await?;
        let by = self
            .guard
            .authorize(&context, Target::Account(command.account))
            .await?;
        let token = delete_member::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::DeleteMemberResponse {
            token: encoded(&token),
        }))
    }

    async fn get_seats(
        &self,
        request: Request<pb::GetSeatsRequest>,
    ) -> Result<Response<pb::GetSeatsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let mut fields = Fields::new();
        let account = fields.account(&request.get_ref().account);
        let account = fields.with(account)?;
        self.wait(&context, account, &[]).await?;
        self.guard.authorize(&context, Target::Account(account)).await?;
        let read = self.ports.store.read(account).await.map_err(status)?;
        let of = read
            .account(account)
            .await
            .map_err(status)?
            .ok_or_else(|| status(NoMember))?;
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
        self.wait(&context, command.account, &known).await?;
        let by = self
            .guard
            .authorize(&context, Target::Account(command.account))
            .await?;
        let (counts, token) = batch_remove_members::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Response::new(pb::BatchRemoveMembersResponse {
            members: small(counts.members),
            bindings: small(counts.bindings),
            grants: small(counts.grants),
            token: encoded(&token),
        }))
    }
}
