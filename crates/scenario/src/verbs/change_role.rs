//! `change_role`: adds entries to a role and removes some.

use super::prelude::*;
use crate::read::role::LEVELS;

arguments! { pub(super) struct ChangeRole in account {
    account: AccountName = need("account"),
    role: String = need("role"),
    /// The level to change the role at; all of its levels where empty.
    level: &'static str = word("level", &LEVELS.map(|level| (level, level))).unwrap_or_default(),
    add: Vec<authorization::RoleEntry> = get("add").unwrap_or_default(),
    remove: Vec<String> = get("remove").unwrap_or_default(),
} }

impl ChangeRole {
    pub(super) fn request(&self, account: String) -> authorization::ChangeRoleRequest {
        authorization::ChangeRoleRequest {
            account,
            role: self.role.clone(),
            level: self.level.to_owned(),
            add: self.add.clone(),
            remove: self.remove.clone(),
        }
    }
}

#[async_trait]
impl Verb for ChangeRole {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = self.request(call.account_id());
        let mut roles = call.client().await?.authorization().role();
        roles.change_role(request).await?;
        Ok(Answer::Ok)
    }
}
