//! Members and what is counted of them: suspension, removal, licences, quotas.

use bailiwick_client::Client;
use bailiwick_proto::authorization::v1::{
    DeleteMemberRequest, DeleteMode, GetSeatsRequest, ReactivateMemberRequest, RemoveMemberRequest,
    SetQuotaRequest, SuspendMemberRequest,
};

use super::{Run, Trouble};
use crate::{
    model::{Answer, Scope},
    suite::Suite,
};

impl<S: Suite + ?Sized> Run<'_, S> {
    pub(super) async fn suspend(
        &self,
        caller: &Client,
        user: &str,
        account: &str,
    ) -> Result<Answer, Trouble> {
        let request = SuspendMemberRequest {
            account: self.names.account_id(account),
            user: self.names.user_id(user),
            validate_only: false,
        };
        caller.authorization().member().suspend_member(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn reactivate(
        &self,
        caller: &Client,
        user: &str,
        account: &str,
    ) -> Result<Answer, Trouble> {
        let request = ReactivateMemberRequest {
            account: self.names.account_id(account),
            user: self.names.user_id(user),
            validate_only: false,
        };
        caller.authorization().member().reactivate_member(request).await?;
        Ok(Answer::Ok)
    }

    pub(super) async fn remove_user(
        &mut self,
        caller: &Client,
        user: &str,
        from: &Scope,
        membership: bool,
    ) -> Result<Answer, Trouble> {
        let account = self.names.account_of(from);
        let request = RemoveMemberRequest {
            account: self.names.account_id(&account),
            user: self.names.user_id(user),
            scope: if membership {
                String::new()
            } else {
                self.names.scope(from)
            },
            validate_only: false,
        };
        caller.authorization().member().remove_member(request).await?;
        if membership {
            self.names.left(user, &account);
        }
        Ok(Answer::Ok)
    }

    /// Ends a membership: its licence is free at once, or ends with the billing cycle.
    pub(super) async fn delete_user(
        &mut self,
        caller: &Client,
        user: &str,
        account: &str,
        mode: DeleteMode,
    ) -> Result<Answer, Trouble> {
        let request = DeleteMemberRequest {
            account: self.names.account_id(account),
            user: self.names.user_id(user),
            mode: mode.into(),
            validate_only: false,
        };
        caller.authorization().member().delete_member(request).await?;
        self.names.left(user, account);
        Ok(Answer::Ok)
    }

    pub(super) async fn seats(&self, caller: &Client, account: &str) -> Result<Answer, Trouble> {
        let request = GetSeatsRequest {
            account: self.names.account_id(account),
        };
        let seats = caller
            .authorization()
            .member()
            .get_seats(request)
            .await?
            .into_inner();
        Ok(Answer::Seats {
            limit: seats.limit,
            used: seats.used,
            ending: seats.ending,
        })
    }

    pub(super) async fn set_quota(
        &self,
        caller: &Client,
        user: &str,
        kind: &str,
        limit: u32,
    ) -> Result<Answer, Trouble> {
        let request = SetQuotaRequest {
            account: self.names.account_id(self.names.first_account()),
            user: self.names.user_id(user),
            r#type: kind.to_owned(),
            limit: Some(limit),
        };
        caller.authorization().quota().set_quota(request).await?;
        Ok(Answer::Ok)
    }
}
