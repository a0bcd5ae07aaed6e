//! `set_quota`: sets how many resources of a type a member may have.

use super::prelude::*;

arguments! { pub(super) struct SetQuota {
    user: UserName = need("user"),
    type_name: String = need("type"),
    limit: u32 = need("limit"),
} }

#[async_trait]
impl Verb for SetQuota {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::SetQuotaRequest {
            account: call.account_id(),
            user: call.names.user_id(&self.user),
            r#type: self.type_name.clone(),
            limit: Some(self.limit),
        };
        let mut quotas = call.client().await?.authorization().quota();
        quotas.set_quota(request).await?;
        Ok(Answer::Ok)
    }
}
