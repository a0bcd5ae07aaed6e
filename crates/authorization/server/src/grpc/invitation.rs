//! Invitations.

use std::collections::BTreeSet;

use bailiwick_authorization_core::{
    email_key,
    invitation::After,
    use_case::{
        accept_invitation::{self, Which},
        batch_create_invitations, create_invitation, resend_invitation, revoke_invitation,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, invitation_service_server::InvitationService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{AccountId, InvitationId, Refused};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Api, convert, encoded, page_of, parse::email, status};

/// The most roles that one invitation carries.
const ROLES: usize = 50;

/// The most people that are invited at once.
const BATCH: usize = 1_000;

fn roles(fields: &mut Fields, mut given: Vec<String>) -> Vec<String> {
    if given.is_empty() {
        fields.violate("roles", "must name at least one role");
    }
    if given.len() > ROLES {
        fields.violate("roles", format!("must name at most {ROLES} roles"));
    }
    let mut seen = BTreeSet::new();
    given.retain(|role| seen.insert(role.clone()));
    given
}

pub(super) fn batch_command(
    request: pb::BatchCreateInvitationsRequest,
) -> Result<batch_create_invitations::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let scope = fields.scope("scope", &request.scope, account);
    if request.emails.is_empty() || request.emails.len() > BATCH {
        fields.violate("emails", format!("must be 1 to {BATCH} addresses"));
    }
    let mut seen = BTreeSet::new();
    let mut emails = Vec::with_capacity(request.emails.len());
    for (n, text) in request.emails.iter().enumerate() {
        let field = format!("emails[{n}]");
        let address = email(&mut fields, &field, text);
        if address
            .as_deref()
            .is_some_and(|address| !seen.insert(email_key(address)))
        {
            fields.violate(&field, "must not be named twice");
        }
        emails.extend(address);
    }
    let roles = roles(&mut fields, request.roles);
    let command = (|| {
        Some(batch_create_invitations::Command {
            account: account?,
            emails,
            roles,
            scope: scope?,
            validate_only: request.validate_only,
        })
    })();
    fields.finish(command)
}

pub(super) fn create_command(
    request: pb::CreateInvitationRequest,
) -> Result<create_invitation::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let scope = fields.scope("scope", &request.scope, account);
    let email = email(&mut fields, "email", &request.email);
    let roles = roles(&mut fields, request.roles);
    let request_id = match request.request_id.as_str() {
        "" => Some(None),
        id => fields
            .take("request_id", id.parse::<Uuid>())
            .map(|id| Some(id.to_string())),
    };
    let command = (|| {
        Some(create_invitation::Command {
            account: account?,
            email: email?,
            roles,
            scope: scope?,
            request_id: request_id?,
        })
    })();
    fields.finish(command)
}

pub(super) fn accept_command(
    request: &pb::AcceptInvitationRequest,
) -> Result<accept_invitation::Command, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&request.account);
    let which = match (request.invitation.as_str(), request.scope.as_str()) {
        ("", "") => {
            fields.violate("invitation", "must be given where `scope` is not");
            None
        }
        ("", scope) => fields.scope("scope", scope, account).map(Which::On),
        (id, "") => fields.take("invitation", id.parse()).map(Which::Id),
        _ => {
            fields.violate("scope", "must not be given beside `invitation`");
            None
        }
    };
    let email = match request.email.as_str() {
        "" => Some(None),
        text => email(&mut fields, "email", text).map(Some),
    };
    let command = (|| {
        Some(accept_invitation::Command {
            account: account?,
            which: which?,
            email: email?,
        })
    })();
    fields.finish(command)
}

fn named(account: &str, invitation: &str) -> Result<(AccountId, InvitationId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let invitation = fields.take("invitation", invitation.parse());
    fields.finish(account.zip(invitation))
}

#[tonic::async_trait]
impl InvitationService for Api {
    async fn create_invitation(
        &self,
        request: Request<pb::CreateInvitationRequest>,
    ) -> Result<Response<pb::CreateInvitationResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = create_command(request.into_inner())?;
        let by = self
            .enter(
                &context,
                command.account,
                &[],
                Target::scope(command.account, &command.scope),
            )
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
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let found = read
            .invitation(id)
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("invitation")))?;
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
        let (account, size) = fields.finish(account.zip(size))?;
        let key = (!request.email.is_empty()).then(|| email_key(&request.email));
        let list = [
            "ListInvitations",
            &request.account,
            key.as_deref().unwrap_or_default(),
        ];
        let after: Option<After> = pages::decode(&list, &request.page_token).map_err(status)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let read = self.read(&by, account).await?;
        let rows = read
            .invitations(key.as_deref(), after, size.get() + 1)
            .await
            .map_err(status)?;
        let (rows, next) = page_of(&list, rows, size.get(), |last| (last.created_at, last.id.uuid()));
        let now = self.ports.clock.now();
        Ok(Response::new(pb::ListInvitationsResponse {
            invitations: rows
                .into_iter()
                .map(|row| convert::invitation(row, now))
                .collect(),
            next_page_token: next,
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
        let by = self.guard.authorize_any(&context, Target::none()).await?;
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
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
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
        let context = Context::of(&request)?.clone();
        let (account, invitation) = named(&request.get_ref().account, &request.get_ref().invitation)?;
        let by = self
            .enter(&context, account, &[], Target::account(account))
            .await?;
        let command = resend_invitation::Command { account, invitation };
        let (found, token) = resend_invitation::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ResendInvitationResponse {
            invitation: Some(convert::invitation(found, self.ports.clock.now())),
            token: encoded(&token),
        }))
    }

    async fn batch_create_invitations(
        &self,
        request: Request<pb::BatchCreateInvitationsRequest>,
    ) -> Result<Response<pb::BatchCreateInvitationsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = batch_command(request.into_inner())?;
        let by = self
            .enter(
                &context,
                command.account,
                &[],
                Target::scope(command.account, &command.scope),
            )
            .await?;
        let validate_only = command.validate_only;
        let (made, token) = batch_create_invitations::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        let count = u32::try_from(made.len()).unwrap_or(u32::MAX);
        let now = self.ports.clock.now();
        let shown = made.into_iter().filter(|_| !validate_only);
        Ok(Response::new(pb::BatchCreateInvitationsResponse {
            invitations: shown.map(|one| convert::invitation(one, now)).collect(),
            count,
            token: encoded(&token),
        }))
    }
}
