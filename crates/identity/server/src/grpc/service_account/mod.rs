//! `ServiceAccountService`.

mod create_service_account;
mod disable_service_account;
mod get_service_account;
mod list_service_accounts;

use bailiwick_identity_core::service_account::{RoleName, ServiceAccount};
use bailiwick_proto::identity::v1::{self as pb, service_account_service_server::ServiceAccountService};
use bailiwick_rpc::{later, wire::timestamp};
use bailiwick_types::Subject;
use tonic::{Request, Response, Status, async_trait};

use super::Handlers;

#[async_trait]
impl ServiceAccountService for Handlers {
    async fn create_service_account(
        &self,
        request: Request<pb::CreateServiceAccountRequest>,
    ) -> Result<Response<pb::CreateServiceAccountResponse>, Status> {
        create_service_account::create_service_account(self, request).await
    }

    async fn get_service_account(
        &self,
        request: Request<pb::GetServiceAccountRequest>,
    ) -> Result<Response<pb::GetServiceAccountResponse>, Status> {
        get_service_account::get_service_account(self, request).await
    }

    async fn list_service_accounts(
        &self,
        request: Request<pb::ListServiceAccountsRequest>,
    ) -> Result<Response<pb::ListServiceAccountsResponse>, Status> {
        list_service_accounts::list_service_accounts(self, request).await
    }

    async fn disable_service_account(
        &self,
        request: Request<pb::DisableServiceAccountRequest>,
    ) -> Result<Response<pb::DisableServiceAccountResponse>, Status> {
        disable_service_account::disable_service_account(self, request).await
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

/// A service account as a message.
fn message(account: &ServiceAccount) -> pb::ServiceAccount {
    pb::ServiceAccount {
        service_account: account.id.to_string(),
        title: account.title.as_str().to_owned(),
        scope: account.scope.to_string(),
        role: account.role.as_ref().map_or("", RoleName::as_str).to_owned(),
        enabled: account.enabled,
        create_time: Some(timestamp(account.created)),
        creator: account.creator.as_ref().map_or("", Subject::as_str).to_owned(),
    }
}
