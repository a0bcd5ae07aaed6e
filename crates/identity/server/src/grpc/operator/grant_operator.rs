//! Gives the operator's role.

use bailiwick_identity_core::operator;
use bailiwick_types::{Subject, method::identity::GrantOperator};

use super::Api;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GrantOperator, pb::GrantOperatorRequest>,
) -> Result<pb::GrantOperatorResponse, Status> {
    let mut fields = Fields::new();
    let subject = fields.required("subject", &call.message.subject);
    let subject: Subject = fields.finish(subject)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let grant = api.write(|identity| async move { operator::grant(&identity, &by, &subject).await });
    Ok(pb::GrantOperatorResponse {
        token: token::answer(&grant.await?),
    })
}
