//! `list_resources`: lists the resources of a type on which a user holds a permission.

use super::prelude::*;

arguments! { pub(super) struct ListResources {
    user: UserName = need("user"),
    permission: String = need("permission"),
    type_name: String = need("type"),
} }

#[async_trait]
impl Verb for ListResources {
    fn expects(&self) -> Expects {
        Expects::Names
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let mut request = authorization::ListResourcesRequest {
            account: call.account_id(),
            subject: call.names.subject(&self.user),
            permission: self.permission.clone(),
            r#type: self.type_name.clone(),
            ..Default::default()
        };
        let mut query = call.client().await?.authorization().query();
        let mut found = Vec::new();
        loop {
            let page = query.list_resources(request.clone()).await?.into_inner();
            found.extend(page.resources);
            if page.next_page_token.is_empty() {
                return Ok(Answer::Set(found.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }
}
