//! Role bindings.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{AssignRoleRequest, RevokeRoleRequest};

use super::{Run, Trouble, given::timestamp};
use crate::{
    model::{Answer, Binding},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn assign(&self, caller: &Client, binding: &Binding) -> Result<Answer, Trouble> {
        let request = AssignRoleRequest {
            account: self.names.account_id(&self.names.account_of(&binding.on)),
            subject: self.names.holder(&binding.holder),
            role: binding.role.clone(),
            scope: self.names.scope(&binding.on),
            parameters: binding.with.as_ref().map(|values| self.names.values(values)),
            expire_time: binding.expires.map(timestamp),
            validate_only: false,
        };
        caller.authorization().binding().assign_role(request).await?;
        Ok(Answer::Ok)
    }

    /// Takes a role away. A subject has a role on a scope once, so its parameters and expiry name nothing more.
    pub(super) async fn revoke(&self, caller: &Client, binding: &Binding) -> Result<Answer, Trouble> {
        let request = RevokeRoleRequest {
            account: self.names.account_id(&self.names.account_of(&binding.on)),
            subject: self.names.holder(&binding.holder),
            role: binding.role.clone(),
            scope: self.names.scope(&binding.on),
            validate_only: false,
        };
        caller.authorization().binding().revoke_role(request).await?;
        Ok(Answer::Ok)
    }
}
