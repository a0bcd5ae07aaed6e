//! `ServiceAccountService`.

mod create_service_account;
mod delete_service_account;
mod disable_service_account;
mod get_service_account;
mod list_service_accounts;
mod rotate_service_account_secret;

use bailiwick_identity_core::service_account::{RoleName, ServiceAccount};
use bailiwick_proto::identity::v1::{self as pb, service_account_service_server::ServiceAccountService};
use bailiwick_rpc::wire::timestamp;
use bailiwick_types::Subject;

use super::Api;

bailiwick_rpc::serve! {
    Api: ServiceAccountService {}
    create_service_account(CreateServiceAccountRequest) -> CreateServiceAccountResponse;
    get_service_account(GetServiceAccountRequest) -> GetServiceAccountResponse;
    list_service_accounts(ListServiceAccountsRequest) -> ListServiceAccountsResponse;
    disable_service_account(DisableServiceAccountRequest) -> DisableServiceAccountResponse;
    rotate_service_account_secret(RotateServiceAccountSecretRequest) -> RotateServiceAccountSecretResponse;
    delete_service_account(DeleteServiceAccountRequest) -> DeleteServiceAccountResponse;
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
