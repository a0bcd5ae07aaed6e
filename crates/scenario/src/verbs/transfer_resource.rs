//! `transfer_resource`: makes a user the owner of a resource.

use super::prelude::*;

arguments! { pub(super) struct TransferResource {
    resource: ResourceName = need("resource"),
    to: UserName = need("to"),
} }

#[async_trait]
impl Verb for TransferResource {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of_resource(&self.resource)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::TransferResourceRequest {
            account: call.account_id(),
            resource: self.resource.0.clone(),
            to: call.names.subject(&self.to),
            validate_only: false,
        };
        let mut resources = call.client().await?.authorization().resource();
        resources.transfer_resource(request).await?;
        Ok(Answer::Ok)
    }
}
