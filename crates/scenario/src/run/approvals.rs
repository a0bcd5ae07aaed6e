//! Approvals.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    ApproveRequestRequest, ConsumeApprovalRequest, RejectRequestRequest, RequestApprovalRequest,
};

use super::{Run, Trouble};
use crate::{
    model::{Answer, Target},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn request_approval(
        &mut self,
        caller: &Client,
        id: Option<&str>,
        permission: &str,
        on: &Target,
        digest: &str,
    ) -> Result<Answer, Trouble> {
        let account = self.names.account_of_target(on);
        let request = RequestApprovalRequest {
            account: self.names.account_id(&account),
            permission: permission.to_owned(),
            target: self.names.target(on),
            digest: digest.to_owned(),
            attributes: None,
        };
        let answer = caller
            .authorization()
            .approval()
            .request_approval(request)
            .await?
            .into_inner();
        if let Some(id) = id {
            self.names
                .add_request(id, &answer.approval.unwrap_or_default().approval, &account);
        }
        Ok(Answer::Ok)
    }

    pub(super) async fn approve(&self, caller: &Client, request: &str) -> Result<Answer, Trouble> {
        let request = ApproveRequestRequest {
            account: self.names.account_id(&self.names.account_of_request(request)),
            approval: self.names.request(request),
        };
        caller.authorization().approval().approve_request(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn reject(&self, caller: &Client, request: &str) -> Result<Answer, Trouble> {
        let request = RejectRequestRequest {
            account: self.names.account_id(&self.names.account_of_request(request)),
            approval: self.names.request(request),
        };
        caller.authorization().approval().reject_request(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn consume_approval(
        &self,
        caller: &Client,
        permission: &str,
        on: &Target,
        digest: &str,
    ) -> Result<Answer, Trouble> {
        let request = ConsumeApprovalRequest {
            account: self.names.account_id(&self.names.account_of_target(on)),
            permission: permission.to_owned(),
            target: self.names.target(on),
            digest: digest.to_owned(),
            subject: String::new(),
        };
        caller
            .authorization()
            .approval()
            .consume_approval(request)
            .await?;
        Ok(Answer::Ok)
    }
}
