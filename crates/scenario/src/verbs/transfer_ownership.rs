//! `transfer_ownership`: proves the password of the caller, then transfers the single-holder role of a scope.

use bailiwick_client::Credentials;
use bailiwick_proto::{authorization::v1::TransferOwnershipRequest, identity::v1::ReauthenticateRequest};
use secrecy::ExposeSecret;

use super::prelude::*;

/// The password to prove before the transfer.
#[derive(Debug, Clone, Copy, Default)]
enum Password {
    Right,
    Wrong,
    #[default]
    None,
}

const PASSWORDS: [(&str, Password); 3] = [
    ("right", Password::Right),
    ("wrong", Password::Wrong),
    ("none", Password::None),
];

arguments! { pub(super) struct TransferOwnership in scope {
    scope: Scope = need("scope"),
    to: UserName = need("to"),
    password: Password = need_word("password", &PASSWORDS),
} }

#[async_trait]
impl Verb for TransferOwnership {
    fn proves_password(&self) -> bool {
        true
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let user = call.actor.and_then(|name| call.names.user(name));
        let right = match (user, call.suite.operator()) {
            (Some(user), _) => user.secret.clone(),
            (None, Credentials::Password { password, .. }) => password.expose_secret().to_owned(),
            (None, _) => String::new(),
        };
        let proof = match self.password {
            Password::Right => Some(right),
            Password::Wrong => Some(format!("not {right}")),
            Password::None => None,
        };
        let client = call.client().await?;
        if let Some(password) = proof {
            let request = ReauthenticateRequest {
                password,
                method: "bailiwick.authorization.v1.BindingService/TransferOwnership".to_owned(),
                code: String::new(),
            };
            client.identity().authentication().reauthenticate(request).await?;
        }
        let request = TransferOwnershipRequest {
            account: call.account_id(),
            scope: call.names.scope(&self.scope),
            to: call.names.subject(&self.to),
            validate_only: false,
        };
        client
            .authorization()
            .binding()
            .transfer_ownership(request)
            .await?;
        Ok(Answer::Ok)
    }
}
