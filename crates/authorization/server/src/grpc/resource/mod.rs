//! Resources.

mod get_resource;
mod list_resources_in_scope;
mod move_resource;
pub(crate) mod register_resource;
mod transfer_resource;
mod unregister_resource;
pub(crate) mod update_resource;

use bailiwick_authorization_core::resource::Name;
use bailiwick_proto::authorization::v1::{self as pb, resource_service_server::ResourceService};
use bailiwick_rpc::{Fields, Target};
use bailiwick_types::AccountId;
use tonic::Status;

use super::Api;

bailiwick_rpc::serve! {
    Api: ResourceService {}
    register_resource(RegisterResourceRequest) -> RegisterResourceResponse;
    get_resource(GetResourceRequest) -> GetResourceResponse;
    update_resource(UpdateResourceRequest) -> UpdateResourceResponse;
    unregister_resource(UnregisterResourceRequest) -> UnregisterResourceResponse;
    list_resources_in_scope(ListResourcesInScopeRequest) -> ListResourcesInScopeResponse;
    transfer_resource(TransferResourceRequest) -> TransferResourceResponse;
    move_resource(MoveResourceRequest) -> MoveResourceResponse;
}

/// Reads the account and the resource of a request.
fn named(account: &str, resource: &str) -> Result<(AccountId, Name), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let name = fields.take("resource", resource.parse::<Name>());
    fields.finish(account.zip(name))
}

fn target(account: AccountId, name: &Name) -> Target {
    Target::resource(account, &name.to_string())
}
