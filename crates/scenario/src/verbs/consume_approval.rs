//! `consume_approval`: consumes an approval.

use super::prelude::*;

arguments! { pub(super) struct ConsumeApproval {
    permission: String = need("permission"),
    on: Target = need("on"),
    digest: String = get("digest").unwrap_or_default(),
} }

#[async_trait]
impl Verb for ConsumeApproval {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of_target(&self.on)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::ConsumeApprovalRequest {
            account: call.account_id(),
            permission: self.permission.clone(),
            target: call.names.target(&self.on),
            digest: self.digest.clone(),
            subject: String::new(),
        };
        let mut approvals = call.client().await?.authorization().approval();
        approvals.consume_approval(request).await?;
        Ok(Answer::Ok)
    }
}
