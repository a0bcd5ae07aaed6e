//! `list_scopes`: lists the scopes of all accounts in which a user holds a permission.

use super::prelude::*;

arguments! { pub(super) struct ListScopes {
    user: UserName = need("user"),
    permission: String = get("permission").unwrap_or_default(),
} }

#[async_trait]
impl Verb for ListScopes {
    fn expects(&self) -> Expects {
        Expects::Scopes
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let mut request = authorization::ListScopesRequest {
            subject: call.names.subject(&self.user),
            permission: self.permission.clone(),
            ..Default::default()
        };
        let mut query = call.client().await?.authorization().query();
        let mut found = Vec::new();
        loop {
            let page = query.list_scopes(request.clone()).await?.into_inner();
            found.extend(page.scopes.iter().map(|held| call.names.name(&held.scope)));
            if page.next_page_token.is_empty() {
                return Ok(Answer::Set(found.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }
}
