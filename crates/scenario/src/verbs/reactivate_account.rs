//! `reactivate_account`: reactivates a suspended account.

use super::prelude::*;

arguments! { pub(super) struct ReactivateAccount {
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for ReactivateAccount {
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        &self.account
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = tenancy::ReactivateAccountRequest {
            account: call.account_id(),
        };
        let mut accounts = call.client().await?.tenancy().account();
        accounts.reactivate_account(request).await?;
        Ok(Answer::Ok)
    }
}
