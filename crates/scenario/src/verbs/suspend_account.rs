//! `suspend_account`: suspends an account.

use super::prelude::*;

arguments! { pub(super) struct SuspendAccount {
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for SuspendAccount {
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        &self.account
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = tenancy::SuspendAccountRequest {
            account: call.account_id(),
        };
        let mut accounts = call.client().await?.tenancy().account();
        accounts.suspend_account(request).await?;
        Ok(Answer::Ok)
    }
}
