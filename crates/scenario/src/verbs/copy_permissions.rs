//! `copy_permissions`: copies permissions on types from a user to another.

use super::prelude::*;

arguments! { pub(super) struct CopyPermissions {
    from: UserName = need("from"),
    to: UserName = need("to"),
    kinds: Vec<String> = need("kinds"),
} }

#[async_trait]
impl Verb for CopyPermissions {
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        let request = authorization::CopyPermissionsRequest {
            account: call.account_id(),
            from: call.names.subject(&self.from),
            to: call.names.subject(&self.to),
            kinds: self.kinds.clone(),
            validate_only: false,
        };
        let mut bindings = call.client().await?.authorization().binding();
        bindings.copy_permissions(request).await?;
        Ok(Answer::Ok)
    }
}
