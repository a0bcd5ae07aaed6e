//! Invitations and owners.

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{AcceptInvitationRequest, CreateInvitationRequest, TransferOwnershipRequest},
    identity::v1::ReauthenticateRequest,
};
use secrecy::ExposeSecret;

use super::{Run, Trouble};
use crate::{
    model::{Answer, Password, Scope},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn invite(
        &self,
        caller: &Client,
        email: &str,
        roles: &[String],
        on: &Scope,
    ) -> Result<Answer, Trouble> {
        let request = CreateInvitationRequest {
            account: self.names.account_id(&self.names.account_of(on)),
            email: self.email(email),
            roles: roles.to_vec(),
            scope: self.names.scope(on),
            request_id: String::new(),
        };
        caller
            .authorization()
            .invitation()
            .create_invitation(request)
            .await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn accept(
        &mut self,
        caller: &Client,
        user: &str,
        email: &str,
        on: &Scope,
    ) -> Result<Answer, Trouble> {
        let account = self.names.account_of(on);
        let request = AcceptInvitationRequest {
            account: self.names.account_id(&account),
            invitation: String::new(),
            scope: self.names.scope(on),
            email: self.email(email),
        };
        caller
            .authorization()
            .invitation()
            .accept_invitation(request)
            .await?;
        self.names.joined(user, &account);
        Ok(Answer::Ok)
    }

    /// Proves the password, then transfers, in one session; the first error is the answer.
    pub(super) async fn transfer_ownership(
        &self,
        caller: &Client,
        actor: Option<&str>,
        scope: &Scope,
        to: &str,
        password: Password,
    ) -> Result<Answer, Trouble> {
        let right = match (
            actor.and_then(|name| self.names.user(name)),
            self.suite.operator(),
        ) {
            (Some(user), _) => user.secret.clone(),
            (None, Credentials::Password { password, .. }) => password.expose_secret().to_owned(),
            (None, _) => String::new(),
        };
        let proof = match password {
            Password::Right => Some(right),
            Password::Wrong => Some(format!("not {right}")),
            Password::None => None,
        };
        if let Some(password) = proof {
            caller
                .identity()
                .authentication()
                .reauthenticate(ReauthenticateRequest { password })
                .await?;
        }
        let request = TransferOwnershipRequest {
            account: self.names.account_id(&self.names.account_of(scope)),
            scope: self.names.scope(scope),
            to: self.names.subject(to),
            validate_only: false,
        };
        caller
            .authorization()
            .binding()
            .transfer_ownership(request)
            .await?;
        Ok(Answer::Ok)
    }
}
