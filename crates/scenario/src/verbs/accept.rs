//! `accept`: accepts an invitation, as the invited user.

use super::prelude::*;

arguments! { pub(super) struct Accept in on {
    user: UserName = need("user"),
    email: String = need("email"),
    on: Scope = need("on"),
} }

#[async_trait]
impl Verb for Accept {
    fn actor(&self) -> Option<&str> {
        Some(&self.user)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::AcceptInvitationRequest {
            account: call.account_id(),
            invitation: String::new(),
            scope: call.names.scope(&self.on),
            email: call.options.email(&self.email),
        };
        let mut invitations = call.client().await?.authorization().invitation();
        invitations.accept_invitation(request).await?;
        call.names.joined(&self.user, &call.account);
        Ok(Answer::Ok)
    }
}
