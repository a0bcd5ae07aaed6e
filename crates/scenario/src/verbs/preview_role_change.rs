//! `preview_role_change`: lists who would gain or lose what by a change of a role.

use super::{change_role::ChangeRole, prelude::*};
use crate::answer::change;

arguments! { pub(super) struct PreviewRoleChange(ChangeRole) }

#[async_trait]
impl Verb for PreviewRoleChange {
    fn expects(&self) -> Expects {
        Expects::Changes
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let mut request = authorization::PreviewRoleChangeRequest {
            change: Some(self.0.request(call.account_id())),
            ..Default::default()
        };
        let mut roles = call.client().await?.authorization().role();
        let mut changes = Vec::new();
        loop {
            let page = roles.preview_role_change(request.clone()).await?.into_inner();
            // A permission that comes only with a condition or an approval is neither gained nor lost.
            let effective = page
                .changes
                .into_iter()
                .filter(|change| !change.gains.is_empty() || !change.loses.is_empty());
            changes.extend(effective.map(|of| {
                let (user, on) = (call.names.name(&of.subject), call.names.name(&of.scope));
                change(&user, &on, of.gains, of.loses)
            }));
            if page.next_page_token.is_empty() {
                return Ok(Answer::Set(changes.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }
}
