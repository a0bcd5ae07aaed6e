//! Settings.

mod get_settings;
mod update_settings;

use bailiwick_proto::tenancy::v1::{self as pb, settings_service_server::SettingsService};

use super::Api;

bailiwick_rpc::serve! {
    Api: SettingsService {}
    get_settings(GetSettingsRequest) -> GetSettingsResponse;
    update_settings(UpdateSettingsRequest) -> UpdateSettingsResponse;
}
