//! `reactivate`: reactivates a suspended member.

use super::prelude::*;

arguments! { pub(super) struct Reactivate {
    user: UserName = need("user"),
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for Reactivate {
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        &self.account
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::ReactivateMemberRequest {
            account: call.account_id(),
            user: call.names.user_id(&self.user),
            validate_only: false,
        };
        let mut members = call.client().await?.authorization().member();
        members.reactivate_member(request).await?;
        Ok(Answer::Ok)
    }
}
