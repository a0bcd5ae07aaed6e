//! `create_key`: the acting user makes an API key, as which later steps act.

use bailiwick_proto::identity::v1 as identity;

use super::prelude::*;

arguments! { pub(super) struct CreateKey in on {
    id: String = need("id"),
    on: Scope = need("on"),
    permissions: Vec<String> = need("permissions"),
    expires: Option<OffsetDateTime> = get("expires"),
} }

#[async_trait]
impl Verb for CreateKey {
    fn declares() -> &'static [(&'static str, Named)] {
        &[("id", Named::User)]
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = identity::CreateApiKeyRequest {
            account: call.account_id(),
            title: self.id.clone(),
            scope: call.names.scope(&self.on),
            permissions: self.permissions.clone(),
            expire_time: self.expires.map(timestamp),
            ..Default::default()
        };
        let mut keys = call.client().await?.identity().api_key();
        let made = keys.create_api_key(request).await?.into_inner();
        let id = made.api_key.unwrap_or_default().api_key;
        call.actors.add_key(&self.id, id, made.secret);
        Ok(Answer::Ok)
    }
}
