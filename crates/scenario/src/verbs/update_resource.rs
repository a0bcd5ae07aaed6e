//! `update_resource`: moves, hands over and changes a resource; the first error is the answer.

use super::{prelude::*, register::Resource};

#[derive(Debug)]
pub(super) struct UpdateResource(Resource);

impl Arguments for UpdateResource {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        Self(Resource::read(fields))
    }
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        self.0.resource.account(names)
    }
}

#[async_trait]
impl Verb for UpdateResource {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let resource = &self.0;
        let (account, name) = (call.account_id(), resource.resource.0.clone());
        let mut resources = call.client().await?.authorization().resource();
        if let Some(scope) = &resource.within {
            let request = authorization::MoveResourceRequest {
                account: account.clone(),
                resource: name.clone(),
                scope: call.names.scope(scope),
                validate_only: false,
            };
            resources.move_resource(request).await?;
            call.names.add_resource(&resource.resource, scope.clone());
        }
        if let Some(owner) = &resource.owner {
            let request = authorization::TransferResourceRequest {
                account: account.clone(),
                resource: name.clone(),
                to: call.names.subject(owner),
                validate_only: false,
            };
            resources.transfer_resource(request).await?;
        }
        let others = resource.title.is_some() || resource.parent.is_some() || resource.attributes.is_some();
        if others || (resource.within.is_none() && resource.owner.is_none()) {
            let request = authorization::UpdateResourceRequest {
                account,
                resource: name,
                title: resource.title.clone(),
                parent: resource.parent.clone(),
                attributes: resource
                    .attributes
                    .as_ref()
                    .map(|values| call.names.values(values)),
                validate_only: false,
            };
            resources.update_resource(request).await?;
        }
        Ok(Answer::Ok)
    }
}
