//! Groups.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    AddGroupMemberRequest, CreateGroupRequest, RemoveGroupMemberRequest,
};

use super::{Run, Trouble};
use crate::{
    model::{Answer, Holder},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn create_group(
        &mut self,
        caller: &Client,
        group: &str,
        account: &str,
    ) -> Result<Answer, Trouble> {
        let request = CreateGroupRequest {
            account: self.names.account_id(account),
            title: group.to_owned(),
            request_id: String::new(),
        };
        let answer = caller
            .authorization()
            .group()
            .create_group(request)
            .await?
            .into_inner();
        self.names
            .add_group(group, &answer.group.unwrap_or_default().group, account);
        Ok(Answer::Ok)
    }

    pub(super) async fn add_to_group(
        &self,
        caller: &Client,
        group: &str,
        holder: &Holder,
    ) -> Result<Answer, Trouble> {
        let request = AddGroupMemberRequest {
            account: self.names.account_id(&self.names.account_of_group(group)),
            group: self.names.group(group),
            member: self.names.holder(holder),
            validate_only: false,
        };
        caller.authorization().group().add_group_member(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn remove_from_group(
        &self,
        caller: &Client,
        group: &str,
        holder: &Holder,
    ) -> Result<Answer, Trouble> {
        let request = RemoveGroupMemberRequest {
            account: self.names.account_id(&self.names.account_of_group(group)),
            group: self.names.group(group),
            member: self.names.holder(holder),
            validate_only: false,
        };
        caller
            .authorization()
            .group()
            .remove_group_member(request)
            .await?;
        Ok(Answer::Ok)
    }
}
