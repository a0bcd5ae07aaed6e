//! Instances.

mod create_instance;
mod delete_instance;
mod get_instance;
mod list_instances;
mod update_instance;

use bailiwick_proto::tenancy::v1::{self as pb, instance_service_server::InstanceService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, InstanceId};
use tonic::Status;

use super::Api;

bailiwick_rpc::serve! {
    Api: InstanceService {}
    create_instance(CreateInstanceRequest) -> CreateInstanceResponse;
    delete_instance(DeleteInstanceRequest) -> DeleteInstanceResponse;
    get_instance(GetInstanceRequest) -> GetInstanceResponse;
    list_instances(ListInstancesRequest) -> ListInstancesResponse;
    update_instance(UpdateInstanceRequest) -> UpdateInstanceResponse;
}

/// Reads a request that names an instance of an account and nothing else.
fn named(account: &str, instance: &str) -> Result<(AccountId, InstanceId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let instance = fields.take("instance", instance.parse());
    fields.finish(account.zip(instance))
}
