//! `create_group`: creates a group, whose name is its title.

use super::prelude::*;

arguments! { pub(super) struct CreateGroup in account {
    group: String = need("group"),
    account: AccountName = need("account"),
} }

#[async_trait]
impl Verb for CreateGroup {
    fn declares() -> &'static [(&'static str, Named)] {
        &[("group", Named::Group)]
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::CreateGroupRequest {
            account: call.account_id(),
            title: self.group.clone(),
            request_id: String::new(),
        };
        let mut groups = call.client().await?.authorization().group();
        let answer = groups.create_group(request).await?;
        let id = answer.into_inner().group.unwrap_or_default().group;
        call.names.add(&(Named::Group, &*self.group), &id, &self.account);
        Ok(Answer::Ok)
    }
}
