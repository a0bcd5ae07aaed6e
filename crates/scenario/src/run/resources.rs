//! Registered resources.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    RegisterResourceRequest, UnregisterResourceRequest, UpdateResourceRequest,
};

use super::{Run, Trouble};
use crate::{
    model::{Answer, Resource, Scope},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn register(&mut self, caller: &Client, resource: &Resource) -> Result<Answer, Trouble> {
        let within = match &resource.within {
            Some(scope) => scope.clone(),
            None => Scope::account(self.names.first_account()),
        };
        let request = RegisterResourceRequest {
            account: self.names.account_id(&self.names.account_of(&within)),
            resource: resource.resource.clone(),
            scope: self.names.scope(&within),
            owner: resource.owner.as_deref().map(|owner| match owner {
                "" => String::new(),
                owner => self.names.subject(owner),
            }),
            parent: resource.parent.clone().unwrap_or_default(),
            title: resource.title.clone().unwrap_or_default(),
            attributes: resource
                .attributes
                .as_ref()
                .map(|values| self.names.values(values)),
        };
        caller
            .authorization()
            .resource()
            .register_resource(request)
            .await?;
        self.names.add_resource(&resource.resource, within);
        Ok(Answer::Ok)
    }

    pub(super) async fn update_resource(
        &self,
        caller: &Client,
        resource: &Resource,
    ) -> Result<Answer, Trouble> {
        let account = self.names.account_of_resource(&resource.resource);
        let request = UpdateResourceRequest {
            account: self.names.account_id(&account),
            resource: resource.resource.clone(),
            title: resource.title.clone(),
            parent: resource.parent.clone(),
            attributes: resource
                .attributes
                .as_ref()
                .map(|values| self.names.values(values)),
        };
        caller.authorization().resource().update_resource(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn unregister(&self, caller: &Client, resource: &str) -> Result<Answer, Trouble> {
        let request = UnregisterResourceRequest {
            account: self.names.account_id(&self.names.account_of_resource(resource)),
            resource: resource.to_owned(),
        };
        caller
            .authorization()
            .resource()
            .unregister_resource(request)
            .await?;
        Ok(Answer::Ok)
    }
}
