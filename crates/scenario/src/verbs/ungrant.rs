//! `ungrant`: takes permissions from all grants of a user or group on a target.

use super::{grant::Grant, prelude::*};

arguments! { pub(super) struct Ungrant(Grant) }

#[async_trait]
impl Verb for Ungrant {
    fn account<'n>(&'n self, names: &'n Names) -> &'n str {
        self.0.account(names)
    }
    async fn run(&self, call: &mut Call<'_>) -> Result<Answer, Trouble> {
        // Parameters and expiry do not select anything.
        let request = authorization::DeleteGrantRequest {
            account: call.account_id(),
            grant: String::new(),
            subject: call.names.holder(&self.0.holder),
            permissions: self.0.permissions.clone(),
            target: Some(self.0.target(call.names)),
            validate_only: false,
        };
        let mut grants = call.client().await?.authorization().grant();
        grants.delete_grant(request).await?;
        Ok(Answer::Ok)
    }
}
