//! `register`: registers a resource.

use super::prelude::*;

arguments! {
/// A resource to register or change.
pub(crate) struct Resource in within {
    pub(crate) resource: ResourceName = need("resource"),
    pub(crate) within: Option<Scope> = get("in"),
    /// The acting user where absent, nobody where empty.
    pub(crate) owner: Option<UserName> = get("owner"),
    pub(crate) parent: Option<String> = get("parent"),
    pub(crate) title: Option<String> = get("title"),
    pub(crate) attributes: Option<Json> = get("attributes"),
} }

arguments! { pub(crate) struct Register(pub(crate) Resource) }

#[async_trait]
impl Verb for Register {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let resource = &self.0;
        let within = resource.within.clone();
        let within = within.unwrap_or_else(|| Scope::account(&call.account));
        let owner = |name: &UserName| match &**name {
            "" => String::new(),
            name => call.names.subject(name),
        };
        let request = authorization::RegisterResourceRequest {
            account: call.account_id(),
            resource: resource.resource.0.clone(),
            scope: call.names.scope(&within),
            owner: resource.owner.as_ref().map(owner),
            parent: resource.parent.clone().unwrap_or_default(),
            title: resource.title.clone().unwrap_or_default(),
            attributes: resource
                .attributes
                .as_ref()
                .map(|values| call.names.values(values)),
            validate_only: false,
        };
        let mut resources = call.client().await?.authorization().resource();
        resources.register_resource(request).await?;
        call.names.add_resource(&resource.resource, within);
        Ok(Answer::Ok)
    }
}
