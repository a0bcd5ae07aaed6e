//! `add_to_group`: adds a user or group to a group.

use super::prelude::*;

arguments! { pub(super) struct AddToGroup {
    group: GroupName = need("group"),
    member: Holder = need("user"),
} }

#[async_trait]
impl Verb for AddToGroup {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of(&self.group)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::AddGroupMemberRequest {
            account: call.account_id(),
            group: call.names.id(&self.group),
            member: call.names.holder(&self.member),
            validate_only: false,
        };
        let mut groups = call.client().await?.authorization().group();
        groups.add_group_member(request).await?;
        Ok(Answer::Ok)
    }
}
