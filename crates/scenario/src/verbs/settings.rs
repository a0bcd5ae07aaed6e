//! `settings`: changes settings of an account.

use super::prelude::*;

arguments! { pub(super) struct Settings {
    account: AccountName = need("account"),
    values: Json = rest(),
} }

#[async_trait]
impl Verb for Settings {
    fn account<'n>(&'n self, _: &'n Names) -> &'n str {
        &self.account
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = tenancy::UpdateSettingsRequest {
            account: call.account_id(),
            values: Some(call.names.values(&self.values)),
            etag: String::new(),
        };
        let mut settings = call.client().await?.tenancy().settings();
        settings.update_settings(request).await?;
        Ok(Answer::Ok)
    }
}
