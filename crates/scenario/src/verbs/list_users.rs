//! `list_users`: lists the members with a role or grant on a scope.

use super::prelude::*;

arguments! { pub(super) struct ListUsers in on {
    on: Scope = need("on"),
} }

#[async_trait]
impl Verb for ListUsers {
    fn expects(&self) -> Expects {
        Expects::Users
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let mut request = authorization::ListSubjectsRequest {
            account: call.account_id(),
            scope: call.names.scope(&self.on),
            ..Default::default()
        };
        let mut query = call.client().await?.authorization().query();
        let mut found = Vec::new();
        loop {
            let page = query.list_subjects(request.clone()).await?.into_inner();
            // Groups and service accounts hold roles too. The service lists members of groups by themselves.
            let users = page.subjects.iter().map(|access| &access.subject);
            let users = users.filter(|subject| subject.starts_with("user:"));
            found.extend(users.map(|subject| call.names.name(subject)));
            if page.next_page_token.is_empty() {
                return Ok(Answer::Set(found.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }
}
