//! Approvals.

use bailiwick_authorization_core::{
    approval::{After, Approval, Filter, State},
    use_case::{
        approve::{self, Verdict},
        consume_approval, list_waiting, request_approval,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, approval_service_server::ApprovalService};
use bailiwick_rpc::{Context, Fields, OperatorAllowed, Target, page as pages};
use bailiwick_types::{AccountId, ApprovalId, Authorized, CallerKind, PageSize, Refused, Subject, Timestamp};
use tonic::{Request, Response, Status};

use super::{
    Api, convert, encoded,
    grant::{on, whole},
    page_of, status,
};

/// The longest digest.
const DIGEST: usize = 256;

fn approval(of: Approval, now: Timestamp) -> pb::Approval {
    let over = of.expires_at.is_some_and(|at| at <= now);
    let state = match of.state {
        State::Pending | State::Approved if over => pb::ApprovalState::Expired,
        State::Pending => pb::ApprovalState::Pending,
        State::Approved => pb::ApprovalState::Approved,
        State::Rejected => pb::ApprovalState::Rejected,
        State::Withdrawn => pb::ApprovalState::Withdrawn,
        State::Consumed => pb::ApprovalState::Consumed,
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

fn named(account: &str, approval: &str) -> Result<(AccountId, ApprovalId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let approval = fields.take("approval", approval.parse());
    fields.finish(account.zip(approval))
}

impl Api {
    async fn decide(
        &self,
        context: &Context,
        (account, approval_id): (AccountId, ApprovalId),
        verdict: Verdict,
    ) -> Result<(pb::Approval, String), Status> {
        let by = self
            .enter(context, account, &[], Target::account(account))
            .await?;
        let command = approve::Command {
            account,
            approval: approval_id,
            verdict,
        };
        let (done, token) = approve::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok((approval(done, self.ports.clock.now()), encoded(&token)))
    }
    /// What waits for the caller to decide.
    async fn waiting(
        &self,
        context: &Context,
        by: &Authorized,
        account: AccountId,
        size: PageSize,
        page_token: &str,
    ) -> Result<Response<pb::ListApprovalsResponse>, Status> {
        let who = context.caller.subject().map(ToString::to_string);
        let (of, who) = (account.to_string(), who.unwrap_or_default());
        let list = ["ListApprovals", "waiting", &of, &who];
        let after: Option<After> = pages::decode(&list, page_token).map_err(status)?;
        let size = usize::try_from(size.get()).unwrap_or(usize::MAX);
        let (rows, next) = list_waiting::execute(&self.ports, by, account, after, size)
            .await
            .map_err(status)?;
        let now = self.ports.clock.now();
        Ok(Response::new(pb::ListApprovalsResponse {
            approvals: rows.into_iter().map(|row| approval(row, now)).collect(),
            next_page_token: next.map(|next| pages::encode(&list, &next)).unwrap_or_default(),
        }))
    }
    /// Whether the caller has a permission on the account.
    async fn has(&self, context: &Context, account: AccountId, permission: &str) -> Result<bool, Status> {
        let Some(caller) = context.caller.subject() else {
            return Ok(false);
        };
        let operator = match (context.caller.kind(), context.caller.account()) {
            (CallerKind::Service, None) => OperatorAllowed::Yes,
            (_, Some(_)) => OperatorAllowed::No,
            _ => OperatorAllowed::Only,
        };
        let held = self
            .rights
            .held(caller, Some(account), permission, &[whole(account)], operator)
            .await;
        Ok(held.map_err(status)?.allowed == [true])
    }
}

#[tonic::async_trait]
impl ApprovalService for Api {
    async fn request_approval(
        &self,
        request: Request<pb::RequestApprovalRequest>,
    ) -> Result<Response<pb::RequestApprovalResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let permission = fields.text("permission", &request.permission, 128);
        let on = on(&mut fields, "target", &request.target, account);
        let digest = fields.short("digest", &request.digest, DIGEST);
        let attributes = request.attributes.map(convert::map_of).unwrap_or_default();
        let command = (|| {
            Some(request_approval::Command {
                account: account?,
                permission: permission?,
                on: on?,
                digest: digest?,
                attributes,
            })
        })();
        let command = fields.finish(command)?;
        let by = self
            .enter(&context, command.account, &[], Target::account(command.account))
            .await?;
        let (made, token) = request_approval::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::RequestApprovalResponse {
            approval: Some(approval(made, self.ports.clock.now())),
            token: encoded(&token),
        }))
    }

    async fn get_approval(
        &self,
        request: Request<pb::GetApprovalRequest>,
    ) -> Result<Response<pb::GetApprovalResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, id) = named(&request.get_ref().account, &request.get_ref().approval)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let found = read.approval(id).await.map_err(status)?;
        drop(read);
        let own = found
            .as_ref()
            .is_some_and(|found| Some(&found.requester) == context.caller.subject());
        if !own && !self.has(&context, account, "approval.view").await? {
            return Err(status(Refused::Denied));
        }
        let found = found.ok_or_else(|| status(Refused::Denied))?;
        Ok(Response::new(pb::GetApprovalResponse {
            approval: Some(approval(found, self.ports.clock.now())),
        }))
    }

    async fn list_approvals(
        &self,
        request: Request<pb::ListApprovalsRequest>,
    ) -> Result<Response<pb::ListApprovalsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let state = match request.state() {
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
        if request.waiting_for_me && !matches!(state, None | Some(State::Pending)) {
            fields.violate(
                "state",
                "must be pending or nothing where `waiting_for_me` is set",
            );
        }
        let (account, size) = fields.finish(account.zip(size))?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        if request.waiting_for_me {
            return self
                .waiting(&context, &by, account, size, &request.page_token)
                .await;
        }
        let all = self.has(&context, account, "approval.view").await?;
        let requester: Option<Subject> = if all {
            None
        } else {
            context.caller.subject().cloned()
        };
        let who = requester.as_ref().map(ToString::to_string).unwrap_or_default();
        let number = request.state.to_string();
        let list = ["ListApprovals", &request.account, &who, &number];
        let after: Option<After> = pages::decode(&list, &request.page_token).map_err(status)?;
        let filter = Filter {
            requester,
            state,
            on: None,
        };
        let read = self.read(&by, account).await?;
        let rows = read
            .approvals(&filter, after, size.get() + 1)
            .await
            .map_err(status)?;
        let (rows, next) = page_of(&list, rows, size.get(), |last| (last.created_at, last.id.uuid()));
        let now = self.ports.clock.now();
        Ok(Response::new(pb::ListApprovalsResponse {
            approvals: rows.into_iter().map(|row| approval(row, now)).collect(),
            next_page_token: next,
        }))
    }

    async fn approve_request(
        &self,
        request: Request<pb::ApproveRequestRequest>,
    ) -> Result<Response<pb::ApproveRequestResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let which = named(&request.get_ref().account, &request.get_ref().approval)?;
        let (approval, token) = self.decide(&context, which, Verdict::Approve).await?;
        Ok(Response::new(pb::ApproveRequestResponse {
            approval: Some(approval),
            token,
        }))
    }

    async fn reject_request(
        &self,
        request: Request<pb::RejectRequestRequest>,
    ) -> Result<Response<pb::RejectRequestResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let which = named(&request.get_ref().account, &request.get_ref().approval)?;
        let (approval, token) = self.decide(&context, which, Verdict::Reject).await?;
        Ok(Response::new(pb::RejectRequestResponse {
            approval: Some(approval),
            token,
        }))
    }

    async fn withdraw_request(
        &self,
        request: Request<pb::WithdrawRequestRequest>,
    ) -> Result<Response<pb::WithdrawRequestResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let which = named(&request.get_ref().account, &request.get_ref().approval)?;
        let (approval, token) = self.decide(&context, which, Verdict::Withdraw).await?;
        Ok(Response::new(pb::WithdrawRequestResponse {
            approval: Some(approval),
            token,
        }))
    }

    async fn consume_approval(
        &self,
        request: Request<pb::ConsumeApprovalRequest>,
    ) -> Result<Response<pb::ConsumeApprovalResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let permission = fields.text("permission", &request.permission, 128);
        let on = on(&mut fields, "target", &request.target, account);
        let digest = fields.short("digest", &request.digest, DIGEST);
        let subject: Option<Subject> = match request.subject.as_str() {
            "" => context.caller.subject().cloned(),
            text => fields.take("subject", text.parse()),
        };
        let command = (|| {
            Some(consume_approval::Command {
                account: account?,
                subject: subject?,
                permission: permission?,
                on: on?,
                digest: digest?,
            })
        })();
        let command = fields.finish(command)?;
        self.wait(&context, command.account, &[&command.subject]).await?;
        let own = context.caller.subject() == Some(&command.subject);
        let target = if own {
            Target::account(command.account)
        } else {
            Target::none()
        };
        let by = self.guard.authorize_any(&context, target).await?;
        if !own && !self.has(&context, command.account, "decision.check").await? {
            return Err(status(Refused::Denied));
        }
        let (used, token) = consume_approval::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ConsumeApprovalResponse {
            approval: used.map(|used| approval(used, self.ports.clock.now())),
            token: encoded(&token),
        }))
    }
}
