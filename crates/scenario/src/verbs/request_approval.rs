//! `request_approval`: requests an approval.

use super::prelude::*;

arguments! { pub(super) struct RequestApproval in on {
    id: Option<String> = get("id"),
    permission: String = need("permission"),
    on: Target = need("on"),
    digest: String = get("digest").unwrap_or_default(),
    attributes: Option<Json> = get("attributes"),
} }

#[async_trait]
impl Verb for RequestApproval {
    fn declares() -> &'static [(&'static str, Named)] {
        &[("id", Named::Request)]
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::RequestApprovalRequest {
            account: call.account_id(),
            permission: self.permission.clone(),
            target: call.names.target(&self.on),
            digest: self.digest.clone(),
            attributes: self.attributes.as_ref().map(|values| call.names.values(values)),
        };
        let mut approvals = call.client().await?.authorization().approval();
        let answer = approvals.request_approval(request).await?;
        if let Some(name) = &self.id {
            let id = answer.into_inner().approval.unwrap_or_default().approval;
            call.names.add(&(Named::Request, &**name), &id, &call.account);
        }
        Ok(Answer::Ok)
    }
}
