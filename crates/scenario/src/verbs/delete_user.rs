//! `delete_user`: ends a membership; its licence is free at once, or at the end of the billing cycle.

use super::prelude::*;

const MODES: [(&str, authorization::DeleteMode); 2] = [
    ("replace", authorization::DeleteMode::Replace),
    ("delete", authorization::DeleteMode::Delete),
];

arguments! { pub(super) struct DeleteUser in account {
    user: UserName = need("user"),
    account: AccountName = need("account"),
    mode: authorization::DeleteMode = need_word("mode", &MODES),
} }

#[async_trait]
impl Verb for DeleteUser {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::DeleteMemberRequest {
            account: call.account_id(),
            user: call.names.user_id(&self.user),
            mode: self.mode.into(),
            validate_only: false,
        };
        let mut members = call.client().await?.authorization().member();
        members.delete_member(request).await?;
        call.names.left(&self.user, &self.account);
        Ok(Answer::Ok)
    }
}
