//! `remove_user`: ends a membership, or all roles and grants of a user on a scope and below.

use super::prelude::*;

#[derive(Debug)]
pub(super) struct RemoveUser {
    user: UserName,
    from: Scope,
    membership: bool,
}

impl Arguments for RemoveUser {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        let account: Option<AccountName> = fields.get("account");
        let membership = account.is_some();
        let from = match (account, fields.get("on")) {
            (Some(account), None) => Scope::account(&account),
            (None, Some(scope)) => scope,
            _ => {
                fields.fault(fields.at(), "`remove_user` needs either `account` or `on`");
                Scope::default()
            }
        };
        Self {
            user: fields.need("user"),
            from,
            membership,
        }
    }
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        self.from.account(names)
    }
}

#[async_trait]
impl Verb for RemoveUser {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let scope = (!self.membership).then(|| call.names.scope(&self.from));
        let request = authorization::RemoveMemberRequest {
            account: call.account_id(),
            user: call.names.user_id(&self.user),
            scope: scope.unwrap_or_default(),
            validate_only: false,
        };
        let mut members = call.client().await?.authorization().member();
        members.remove_member(request).await?;
        if self.membership {
            call.names.left(&self.user, &call.account);
        }
        Ok(Answer::Ok)
    }
}
