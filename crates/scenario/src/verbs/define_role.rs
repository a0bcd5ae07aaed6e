//! `define_role`: creates a role of an account.

use super::prelude::*;

arguments! { pub(super) struct DefineRole {
    account: AccountName = need("account"),
    role: authorization::RoleDefinition = need("role"),
} }

#[async_trait]
impl Verb for DefineRole {
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        &self.account
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::CreateRoleRequest {
            account: call.account_id(),
            role: Some(self.role.clone()),
        };
        let mut roles = call.client().await?.authorization().role();
        roles.create_role(request).await?;
        Ok(Answer::Ok)
    }
}
