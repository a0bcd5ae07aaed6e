//! `approve`: approves a request for approval.

use super::prelude::*;

arguments! { pub(super) struct Approve {
    request: RequestName = need("request"),
} }

#[async_trait]
impl Verb for Approve {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of(&self.request)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::ApproveRequestRequest {
            account: call.account_id(),
            approval: call.names.id(&self.request),
        };
        let mut approvals = call.client().await?.authorization().approval();
        approvals.approve_request(request).await?;
        Ok(Answer::Ok)
    }
}
