//! `unregister`: removes a resource.

use super::prelude::*;

arguments! { pub(super) struct Unregister {
    resource: ResourceName = need("resource"),
} }

#[async_trait]
impl Verb for Unregister {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of_resource(&self.resource)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::UnregisterResourceRequest {
            account: call.account_id(),
            resource: self.resource.0.clone(),
            validate_only: false,
        };
        let mut resources = call.client().await?.authorization().resource();
        resources.unregister_resource(request).await?;
        Ok(Answer::Ok)
    }
}
