//! `reject`: rejects a request for approval.

use super::prelude::*;

arguments! { pub(super) struct Reject {
    request: RequestName = need("request"),
} }

#[async_trait]
impl Verb for Reject {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of(&self.request)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::RejectRequestRequest {
            account: call.account_id(),
            approval: call.names.id(&self.request),
        };
        let mut approvals = call.client().await?.authorization().approval();
        approvals.reject_request(request).await?;
        Ok(Answer::Ok)
    }
}
