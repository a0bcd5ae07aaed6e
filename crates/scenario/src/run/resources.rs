//! Registered resources.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    MoveResourceRequest, RegisterResourceRequest, TransferResourceRequest, UnregisterResourceRequest,
    UpdateResourceRequest,
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
            validate_only: false,
        };
        caller
            .authorization()
            .resource()
            .register_resource(request)
            .await?;
        self.names.add_resource(&resource.resource, within);
        Ok(Answer::Ok)
    }

    /// Moves the resource where a scope is named, hands it over where an owner is, and changes the rest; the first error
    /// is the answer.
    pub(super) async fn update_resource(
        &mut self,
        caller: &Client,
        resource: &Resource,
    ) -> Result<Answer, Trouble> {
        let account = self
            .names
            .account_id(&self.names.account_of_resource(&resource.resource));
        if let Some(scope) = &resource.within {
            let request = MoveResourceRequest {
                account: account.clone(),
                resource: resource.resource.clone(),
                scope: self.names.scope(scope),
                validate_only: false,
            };
            caller.authorization().resource().move_resource(request).await?;
            self.names.add_resource(&resource.resource, scope.clone());
        }
        if let Some(owner) = &resource.owner {
            self.transfer_resource(caller, &resource.resource, owner).await?;
        }
        let rest = resource.title.is_some() || resource.parent.is_some() || resource.attributes.is_some();
        if rest || (resource.within.is_none() && resource.owner.is_none()) {
            let request = UpdateResourceRequest {
                account,
                resource: resource.resource.clone(),
                title: resource.title.clone(),
                parent: resource.parent.clone(),
                attributes: resource
                    .attributes
                    .as_ref()
                    .map(|values| self.names.values(values)),
                validate_only: false,
            };
            caller.authorization().resource().update_resource(request).await?;
        }
        Ok(Answer::Ok)
    }

    pub(super) async fn transfer_resource(
        &self,
        caller: &Client,
        resource: &str,
        to: &str,
    ) -> Result<Answer, Trouble> {
        let request = TransferResourceRequest {
            account: self.names.account_id(&self.names.account_of_resource(resource)),
            resource: resource.to_owned(),
            to: self.names.subject(to),
            validate_only: false,
        };
        caller
            .authorization()
            .resource()
            .transfer_resource(request)
            .await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn unregister(&self, caller: &Client, resource: &str) -> Result<Answer, Trouble> {
        let request = UnregisterResourceRequest {
            account: self.names.account_id(&self.names.account_of_resource(resource)),
            resource: resource.to_owned(),
            validate_only: false,
        };
        caller
            .authorization()
            .resource()
            .unregister_resource(request)
            .await?;
        Ok(Answer::Ok)
    }
}
