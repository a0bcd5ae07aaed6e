//! `revoke`: takes a role from a user or group.

use super::{assign::Binding, prelude::*};

arguments! { pub(super) struct Revoke(Binding) }

#[async_trait]
impl Verb for Revoke {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        names.account_of(&self.0.on)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        // A subject holds a role on a scope once: parameters and expiry do not select anything.
        let request = authorization::RevokeRoleRequest {
            account: call.account_id(),
            subject: call.names.holder(&self.0.holder),
            role: self.0.role.clone(),
            scope: call.names.scope(&self.0.on),
            validate_only: false,
        };
        let mut bindings = call.client().await?.authorization().binding();
        bindings.revoke_role(request).await?;
        Ok(Answer::Ok)
    }
}
