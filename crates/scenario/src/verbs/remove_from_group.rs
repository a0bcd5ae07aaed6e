//! `remove_from_group`: removes a user or group from a group.

use super::prelude::*;

arguments! { pub(super) struct RemoveFromGroup {
    group: GroupName = need("group"),
    member: Holder = need("user"),
} }

#[async_trait]
impl Verb for RemoveFromGroup {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of(&self.group)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::RemoveGroupMemberRequest {
            account: call.account_id(),
            group: call.names.id(&self.group),
            member: call.names.holder(&self.member),
            validate_only: false,
        };
        let mut groups = call.client().await?.authorization().group();
        groups.remove_group_member(request).await?;
        Ok(Answer::Ok)
    }
}
