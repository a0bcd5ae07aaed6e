//! Grants.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    CopyPermissionsRequest, CreateGrantRequest, DeleteGrantRequest, GrantTarget,
};

use super::{Run, Trouble, given::timestamp};
use crate::{
    model::{Answer, Grant},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    fn granted(&self, grant: &Grant) -> GrantTarget {
        let (kind, applies_to) = grant.kind.clone().unwrap_or_default();
        GrantTarget {
            target: self.names.target(&grant.on),
            r#type: kind,
            applies_to: applies_to.into(),
        }
    }

    pub(super) async fn grant(&self, caller: &Client, grant: &Grant) -> Result<Answer, Trouble> {
        let request = CreateGrantRequest {
            account: self.names.account_id(&self.names.account_of_target(&grant.on)),
            subject: self.names.holder(&grant.holder),
            permissions: grant.permissions.clone(),
            target: Some(self.granted(grant)),
            parameters: grant.with.as_ref().map(|values| self.names.values(values)),
            expire_time: grant.expires.map(timestamp),
            request_id: String::new(),
            validate_only: false,
        };
        caller.authorization().grant().create_grant(request).await?;
        Ok(Answer::Ok)
    }

    /// Takes the permissions out of all grants on exactly that target; parameters and expiry name nothing more.
    pub(super) async fn ungrant(&self, caller: &Client, grant: &Grant) -> Result<Answer, Trouble> {
        let request = DeleteGrantRequest {
            account: self.names.account_id(&self.names.account_of_target(&grant.on)),
            grant: String::new(),
            subject: self.names.holder(&grant.holder),
            permissions: grant.permissions.clone(),
            target: Some(self.granted(grant)),
            validate_only: false,
        };
        caller.authorization().grant().delete_grant(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn copy_permissions(
        &self,
        caller: &Client,
        from: &str,
        to: &str,
        kinds: &[String],
    ) -> Result<Answer, Trouble> {
        let request = CopyPermissionsRequest {
            account: self.names.account_id(self.names.first_account()),
            from: self.names.subject(from),
            to: self.names.subject(to),
            kinds: kinds.to_vec(),
            validate_only: false,
        };
        caller.authorization().binding().copy_permissions(request).await?;
        Ok(Answer::Ok)
    }
}
