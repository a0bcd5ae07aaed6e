//! `revoke_key`: ends an API key.

use bailiwick_proto::identity::v1 as identity;

use super::prelude::*;

arguments! { pub(super) struct RevokeKey in account {
    key: UserName = need("key"),
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for RevokeKey {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = identity::RevokeApiKeyRequest {
            account: call.account_id(),
            api_key: call.actors.key_id(&self.key),
        };
        let mut keys = call.client().await?.identity().api_key();
        keys.revoke_api_key(request).await?;
        Ok(Answer::Ok)
    }
}
