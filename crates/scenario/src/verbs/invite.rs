//! `invite`: invites an e-mail address with roles.

use super::prelude::*;

arguments! { pub(super) struct Invite {
    email: String = need("email"),
    roles: Vec<String> = need("roles"),
    on: Scope = need("on"),
} }

#[async_trait]
impl Verb for Invite {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of(&self.on)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::CreateInvitationRequest {
            account: call.account_id(),
            email: call.options.email(&self.email),
            roles: self.roles.clone(),
            scope: call.names.scope(&self.on),
            request_id: String::new(),
        };
        let mut invitations = call.client().await?.authorization().invitation();
        invitations.create_invitation(request).await?;
        Ok(Answer::Ok)
    }
}
