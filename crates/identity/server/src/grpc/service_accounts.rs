//! `ServiceAccountService`.

use bailiwick_identity_core::use_case::{
    create_service_account, disable_service_account, get_service_account, list_service_accounts,
};
use bailiwick_proto::identity::v1::{self as pb, service_account_service_server::ServiceAccountService};
use bailiwick_rpc::{Context, IntoStatus, Target, later, page};
use bailiwick_types::{ServiceAccountId, Subject};
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status, async_trait};

use super::{Handlers, parse};

#[async_trait]
impl ServiceAccountService for Handlers {
    async fn create_service_account(
        &self,
        request: Request<pb::CreateServiceAccountRequest>,
    ) -> Result<Response<pb::CreateServiceAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let command = parse::create_service_account(request.get_ref())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let made = create_service_account::run(&self.identity, &by, &command).await;
        let made = made.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::CreateServiceAccountResponse {
            service_account: Some(parse::service_account(&made.account)),
            secret: made.secret.as_ref().map_or("", |s| s.expose_secret()).to_owned(),
            token: parse::token(&made.token),
        }))
    }

    async fn get_service_account(
        &self,
        request: Request<pb::GetServiceAccountRequest>,
    ) -> Result<Response<pb::GetServiceAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id: ServiceAccountId =
            parse::only("service_account", &request.get_ref().service_account, str::parse)?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let found = get_service_account::run(&self.identity, &by, id).await;
        let account = found.map_err(IntoStatus::into_status)?;
        Ok(Response::new(pb::GetServiceAccountResponse {
            service_account: Some(parse::service_account(&account)),
        }))
    }

    async fn list_service_accounts(
        &self,
        request: Request<pb::ListServiceAccountsRequest>,
    ) -> Result<Response<pb::ListServiceAccountsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let asked = parse::list_service_accounts(request.get_ref())?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let found = list_service_accounts::run(&self.identity, &by, &asked).await;
        let found = found.map_err(IntoStatus::into_status)?;
        let list = parse::SERVICE_ACCOUNT_LIST;
        Ok(Response::new(pb::ListServiceAccountsResponse {
            service_accounts: found.accounts.iter().map(parse::service_account).collect(),
            next_page_token: found
                .next
                .map(|key| page::encode(&list, &key))
                .unwrap_or_default(),
        }))
    }

    async fn disable_service_account(
        &self,
        request: Request<pb::DisableServiceAccountRequest>,
    ) -> Result<Response<pb::DisableServiceAccountResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let id: ServiceAccountId =
            parse::only("service_account", &request.get_ref().service_account, str::parse)?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let done = disable_service_account::run(&self.identity, &by, id).await;
        let (account, token) = done.map_err(IntoStatus::into_status)?;
        self.authenticator.forget_subject(&Subject::service(id));
        Ok(Response::new(pb::DisableServiceAccountResponse {
            service_account: Some(parse::service_account(&account)),
            token: parse::token(&token),
        }))
    }

    async fn rotate_service_account_secret(
        &self,
        request: Request<pb::RotateServiceAccountSecretRequest>,
    ) -> Result<Response<pb::RotateServiceAccountSecretResponse>, Status> {
        Err(later(&request))
    }

    async fn delete_service_account(
        &self,
        request: Request<pb::DeleteServiceAccountRequest>,
    ) -> Result<Response<pb::DeleteServiceAccountResponse>, Status> {
        Err(later(&request))
    }
}
