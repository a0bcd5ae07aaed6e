//! Quotas.

mod get_quota;
mod list_quotas;
mod set_quota;

use bailiwick_proto::authorization::v1::{self as pb, quota_service_server::QuotaService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, UserId};
use tonic::Status;

use super::Api;

bailiwick_rpc::serve! {
    Api: QuotaService {}
    set_quota(SetQuotaRequest) -> SetQuotaResponse;
    get_quota(GetQuotaRequest) -> GetQuotaResponse;
    list_quotas(ListQuotasRequest) -> ListQuotasResponse;
}

/// Reads the account, the user and the type of a request.
fn named(account: &str, user: &str, of: &str) -> Result<(AccountId, UserId, String), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let user = fields.take("user", user.parse::<UserId>());
    let of = fields.text("type", of, 63);
    fields.finish_with(|| Some((account?, user?, of?)))
}

fn quota((account, user): (AccountId, &str), of: &str, limit: Option<u64>, used: u64) -> pb::Quota {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    pb::Quota {
        account: account.to_string(),
        user: user.to_owned(),
        r#type: of.to_owned(),
        limit: limit.map(small),
        used: small(used),
    }
}
