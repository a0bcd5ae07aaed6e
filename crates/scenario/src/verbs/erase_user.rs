//! `erase_user`: proves the password of the caller, then deletes a user everywhere.

use bailiwick_client::Credentials;
use bailiwick_proto::identity::v1::{DeleteUserRequest, ReauthenticateRequest};
use secrecy::ExposeSecret;

use super::prelude::*;

arguments! { pub(super) struct EraseUser {
    user: UserName = need("user"),
} }

#[async_trait]
impl Verb for EraseUser {
    fn proves_password(&self) -> bool {
        true
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let user = call.actor.and_then(|name| call.names.user(name));
        let password = match (user, call.suite.operator()) {
            (Some(user), _) => user.secret.clone(),
            (None, Credentials::Password { password, .. }) => password.expose_secret().to_owned(),
            (None, _) => String::new(),
        };
        let client = call.client().await?;
        let identity = client.identity();
        let request = ReauthenticateRequest {
            password,
            method: "bailiwick.identity.v1.UserService/DeleteUser".to_owned(),
            code: String::new(),
        };
        identity.authentication().reauthenticate(request).await?;
        let request = DeleteUserRequest {
            user: call.names.user_id(&self.user),
        };
        identity.user().delete_user(request).await?;
        Ok(Answer::Ok)
    }
}
