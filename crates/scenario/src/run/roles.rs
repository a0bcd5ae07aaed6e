//! Roles of an account's own, and changes of roles.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    ChangeRoleRequest, CreateRoleRequest, PreviewRoleChangeRequest, RoleDefinition,
};

use super::{Run, Trouble};
use crate::{
    model::{Answer, RoleChange, row},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn define_role(
        &self,
        caller: &Client,
        account: &str,
        role: &RoleDefinition,
    ) -> Result<Answer, Trouble> {
        let request = CreateRoleRequest {
            account: self.names.account_id(account),
            role: Some(role.clone()),
        };
        caller.authorization().role().create_role(request).await?;
        Ok(Answer::Ok)
    }

    fn change(&self, change: &RoleChange) -> ChangeRoleRequest {
        ChangeRoleRequest {
            account: self.names.account_id(&change.account),
            role: change.role.clone(),
            level: change.level.clone(),
            add: change.add.clone(),
            remove: change.remove.clone(),
        }
    }

    pub(super) async fn change_role(&self, caller: &Client, change: &RoleChange) -> Result<Answer, Trouble> {
        caller
            .authorization()
            .role()
            .change_role(self.change(change))
            .await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn preview_role_change(
        &self,
        caller: &Client,
        change: &RoleChange,
    ) -> Result<Answer, Trouble> {
        let mut request = PreviewRoleChangeRequest {
            change: Some(self.change(change)),
            page_size: 0,
            page_token: String::new(),
        };
        let mut roles = caller.authorization().role();
        let mut rows = Vec::new();
        loop {
            let page = roles.preview_role_change(request.clone()).await?.into_inner();
            // What only comes under a condition or an approval is no gain and no loss.
            let told = page
                .changes
                .into_iter()
                .filter(|change| !change.gains.is_empty() || !change.loses.is_empty());
            rows.extend(told.map(|change| {
                let (user, on) = (self.names.name(&change.subject), self.names.name(&change.scope));
                row(&user, &on, change.gains, change.loses)
            }));
            if page.next_page_token.is_empty() {
                return Ok(Answer::Rows(rows.into_iter().collect()));
            }
            request.page_token = page.next_page_token;
        }
    }
}
