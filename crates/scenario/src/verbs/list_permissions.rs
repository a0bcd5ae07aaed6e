//! `list_permissions`: lists the permissions of a user on a target.

use super::prelude::*;

arguments! { pub(super) struct ListPermissions in on {
    user: UserName = need("user"),
    on: Target = need("on"),
} }

#[async_trait]
impl Verb for ListPermissions {
    fn expects(&self) -> Expects {
        Expects::Names
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::ListPermissionsRequest {
            account: call.account_id(),
            subject: call.names.subject(&self.user),
            target: call.names.target(&self.on),
            consistency: None,
        };
        let mut query = call.client().await?.authorization().query();
        let answer = query.list_permissions(request).await?;
        Ok(Answer::Set(answer.into_inner().permissions.into_iter().collect()))
    }
}
