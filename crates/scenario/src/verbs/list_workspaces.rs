//! `list_workspaces`: lists the workspaces in an account or instance that the caller may view.

use super::prelude::*;

arguments! { pub(super) struct ListWorkspaces in within {
    within: Scope = need("in"),
    search: String = get("search").unwrap_or_default(),
    order_by: String = get("order_by").unwrap_or_default(),
    page_size: u32 = get("page_size").unwrap_or_default(),
} }

#[async_trait]
impl Verb for ListWorkspaces {
    fn expects(&self) -> Expects {
        Expects::Workspaces
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let mut request = tenancy::ListWorkspacesRequest {
            account: call.account_id(),
            parent: match self.within.level {
                Level::Account => String::new(),
                _ => call.names.scope(&self.within),
            },
            page_size: i32::try_from(self.page_size).unwrap_or_default(),
            order_by: self.order_by.clone(),
            search: self.search.clone(),
            ..Default::default()
        };
        let mut query = call.client().await?.tenancy().workspace();
        let mut found = Vec::new();
        loop {
            let page = query.list_workspaces(request.clone()).await?.into_inner();
            found.extend(page.workspaces.iter().map(|w| call.names.name(&w.workspace)));
            if page.next_page_token.is_empty() {
                return Ok(Answer::List(found));
            }
            request.page_token = page.next_page_token;
        }
    }
}
