//! Invitations.

use bailiwick_authorization_core::{
    email_key,
    invitation::After,
    use_case::{
        accept_invitation::{self, Which},
        create_invitation, revoke_invitation,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, invitation_service_server::InvitationService};
use bailiwick_rpc::{Context, Target, later, page as pages};
use bailiwick_types::{AccountId, Code, Fault, InvitationId, Reason};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{
    Api, convert, encoded, page,
    parse::{Fields, email},
    status,
};

/// The most roles that one invitation carries.
const ROLES: usize = 50;

#[derive(Debug, thiserror::Error)]
#[error("there is no such invitation")]
struct NoInvitation;

impl Fault for NoInvitation {
    fn code(&self) -> Code {
        Code::NotFound
    }
    fn reason(&self) -> Reason {
        Reason::NotFound
    }
}

fn create_command(request: pb::CreateInvitationRequest) -> Result<create_invitation::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let scope = fields.scope("scope", &request.scope, account);
    let email = email(&mut fields, "email", &request.email);
    if request.roles.is_empty() {
        fields.bad("roles", "must name at least one role");
    }
    if request.roles.len() > ROLES {
        fields.bad("roles", &format!("must name at most {ROLES} roles"));
    }
    let request_id = match request.request_id.as_str() {
        "" => Some(None),
        id => fields
            .take::<Uuid>("request_id", id)
            .map(|id| Some(id.to_string())),
    };
    let mut roles = request.roles;
    let mut seen = std::collections::BTreeSet::new();
    roles.retain(|role| seen.insert(role.clone()));
    let command = (|| {
        Some(create_invitation::Command {
            account: account?,
            email: email?,
            roles,
            scope: scope?,
            request_id: request_id?,
        })
    })();
    fields.with(command)
}

fn accept_command(request: &pb::AcceptInvitationRequest) -> Result<accept_invitation::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let which = match (request.invitation.as_str(), request.scope.as_str()) {
        ("", "") => {
            fields.bad("invitation", "must be given where `scope` is not");
            None
        }
        ("", scope) => fields.scope("scope", scope, account).map(Which::On),
        (id, "") => fields.take("invitation", id).map(Which::Id),
        _ => {
            fields.bad("scope", "must not be given beside `invitation`");
            None
        }
    };
    let command = (|| {
        Some(accept_invitation::Command {
            account: account?,
            which: which?,
        })
    })();
    fields.with(command)
}

fn named(account: &str, invitation: &str) -> Result<(AccountId, InvitationId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let invitation = fields.take("invitation", invitation);
    fields.with(account.zip(invitation))
}

#[tonic::async_trait]
impl InvitationService for Api {
    async fn create_invitation(
        &self,
        request: Request<pb::CreateInvitationRequest>,
    ) -> Result<Response<pb::CreateInvitationResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = create_command(request.into_inner())?;
        self.wait(&context, command.account, &[]).await?;
        let by = self
            .guard
            .authorize(&context, Target::scope(command.account, &command.scope))
            .await?;
        let (made, token) = create_invitation::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::CreateInvitationResponse {
            invitation: Some(convert::invitation(made, self.ports.clock.now())),
            token: encoded(&token),
        }))
    }

    async fn get_invitation(
        &self,
        request: Request<pb::GetInvitationRequest>,
    ) -> Result<Response<pb::GetInvitationResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, id) = named(&request.get_ref().account, &request.get_ref().invitation)?;
        self.wait(&context, account, &[]).await?;
        self.guard.authorize(&context, Target::Account(account)).await?;
        let read = self.ports.store.read(account).await.map_err(status)?;
        let found = read
            .invitation(account, id)
            .await
            .map_err(status)?
            .ok_or_else(|| status(NoInvitation))?;
        Ok(Response::new(pb::GetInvitationResponse {
            invitation: Some(convert::invitation(found, self.ports.clock.now())),
        }))
    }

    async fn list_invitations(
        &self,
        request: Request<pb::ListInvitationsRequest>,
    ) -> Result<Response<pb::ListInvitationsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let account = fields.account(&request.account);
        let size = fields.page_size(request.page_size);
        let (account, size) = fields.with(account.zip(size))?;
        let key = (!request.email.is_empty()).then(|| email_key(&request.email));
        let list = [
            "ListInvitations",
            &request.account,
            key.as_deref().unwrap_or_default(),
        ];
        let after: Option<After> = pages::decode(&list, &request.page_token).map_err(status)?;
        self.wait(&context, account, &[]).await?;
        self.guard.authorize(&context, Target::Account(account)).await?;
        let read = self.ports.store.read(account).await.map_err(status)?;
        let rows = read
            .invitations(account, key.as_deref(), after, size.get() + 1)
            .await
            .map_err(status)?;
        let (rows, more) = page(rows, size.get());
        let next = rows
            .last()
            .filter(|_| more)
            .map(|last| pages::encode(&list, &(last.created_at, last.id.uuid())));
        let now = self.ports.clock.now();
        Ok(Response::new(pb::ListInvitationsResponse {
            invitations: rows
                .into_iter()
                .map(|row| convert::invitation(row, now))
                .collect(),
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn accept_invitation(
        &self,
        request: Request<pb::AcceptInvitationRequest>,
    ) -> Result<Response<pb::AcceptInvitationResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = accept_command(request.get_ref())?;
        self.wait(&context, command.account, &[]).await?;
        // Whoever accepts is no member yet: a token for no account, or for another one, is fine.
        let by = self.guard.authorize(&context, Target::None).await?;
        let (found, token) = accept_invitation::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::AcceptInvitationResponse {
            invitation: Some(convert::invitation(found, self.ports.clock.now())),
            token: encoded(&token),
        }))
    }

    async fn revoke_invitation(
        &self,
        request: Request<pb::RevokeInvitationRequest>,
    ) -> Result<Response<pb::RevokeInvitationResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let (account, invitation) = named(&request.get_ref().account, &request.get_ref().invitation)?;
        self.wait(&context, account, &[]).await?;
        let by = self.guard.authorize(&context, Target::Account(account)).await?;
        let command = revoke_invitation::Command { account, invitation };
        let (found, token) = revoke_invitation::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::RevokeInvitationResponse {
            invitation: Some(convert::invitation(found, self.ports.clock.now())),
            token: encoded(&token),
        }))
    }

    async fn resend_invitation(
        &self,
        request: Request<pb::ResendInvitationRequest>,
    ) -> Result<Response<pb::ResendInvitationResponse>, Status> {
        Err(later(&request))
    }

    async fn batch_create_invitations(
        &self,
        request: Request<pb::BatchCreateInvitationsRequest>,
    ) -> Result<Response<pb::BatchCreateInvitationsResponse>, Status> {
        Err(later(&request))
    }
}
