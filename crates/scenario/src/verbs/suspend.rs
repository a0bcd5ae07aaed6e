//! `suspend`: suspends a member.

use super::prelude::*;

arguments! { pub(super) struct Suspend {
    user: UserName = need("user"),
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for Suspend {
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        &self.account
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::SuspendMemberRequest {
            account: call.account_id(),
            user: call.names.user_id(&self.user),
            validate_only: false,
        };
        let mut members = call.client().await?.authorization().member();
        members.suspend_member(request).await?;
        Ok(Answer::Ok)
    }
}
