//! Takes the operator's role away.

use bailiwick_identity_core::operator;
use bailiwick_types::method::identity::RevokeOperator;

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<RevokeOperator, pb::RevokeOperatorRequest>,
) -> Result<pb::RevokeOperatorResponse, Status> {
    let mut fields = Fields::new();
    let user = fields.required("user", &call.message.user);
    let user = fields.finish(user)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let revoke = api.write(|identity| async move { operator::revoke(&identity, &by, user).await });
    Ok(pb::RevokeOperatorResponse {
        token: token::answer(&revoke.await?),
    })
}
