//! Accounts.

mod create_account;
mod delete_account;
mod get_account;
mod list_accounts;
mod reactivate_account;
mod restrict_account;
mod suspend_account;
mod update_account;

use bailiwick_proto::tenancy::v1::{self as pb, account_service_server::AccountService};
use bailiwick_rpc::{Fields, later};
use bailiwick_types::AccountId;
use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::Api;

bailiwick_rpc::serve! {
    Api: AccountService {
        type ExportAccountStream = BoxStream<'static, Result<pb::ExportAccountResponse, Status>>;

        async fn export_account(
            &self,
            request: Request<pb::ExportAccountRequest>,
        ) -> Result<Response<Self::ExportAccountStream>, Status> {
            Err(later(&request))
        }
    }
    create_account(CreateAccountRequest) -> CreateAccountResponse;
    delete_account(DeleteAccountRequest) -> DeleteAccountResponse;
    get_account(GetAccountRequest) -> GetAccountResponse;
    list_accounts(ListAccountsRequest) -> ListAccountsResponse;
    reactivate_account(ReactivateAccountRequest) -> ReactivateAccountResponse;
    restrict_account(RestrictAccountRequest) -> RestrictAccountResponse;
    suspend_account(SuspendAccountRequest) -> SuspendAccountResponse;
    update_account(UpdateAccountRequest) -> UpdateAccountResponse;
}

/// Reads a request that names an account and nothing else.
fn named(account: &str) -> Result<AccountId, Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    fields.finish(account)
}
