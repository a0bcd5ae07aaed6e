//! Tells a service account whether an access token is good.

use bailiwick_identity_core::token;
use bailiwick_rpc::wire::timestamp;
use bailiwick_types::{AccessClaims, Timestamp, method::identity::Introspect};

use super::Api;
use crate::grpc::prelude::{Call, Fields, IntoStatus, Status, Target, pb};
use crate::grpc::token_text;

pub(super) async fn handle(
    api: &Api,
    call: Call<Introspect, pb::IntrospectRequest>,
) -> Result<pb::IntrospectResponse, Status> {
    let (call, request) = call.split();
    let mut fields = Fields::new();
    let token = token_text(&mut fields, request.token);
    let token = fields.finish(token)?;
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let found = token::introspect(&api.identity, &by, &token).await;
    let found = found.map_err(IntoStatus::into_status)?;
    Ok(found.map(message).unwrap_or_default())
}

fn message(claims: AccessClaims) -> pb::IntrospectResponse {
    let at = |seconds| Some(timestamp(Timestamp::from_seconds(seconds)));
    pb::IntrospectResponse {
        active: true,
        subject: claims.sub,
        client_id: claims.client_id.unwrap_or_default(),
        account: claims.acct.unwrap_or_default(),
        session: claims.sid.unwrap_or_default(),
        issuer: claims.iss,
        audience: claims.aud,
        token_id: claims.jti,
        issue_time: at(claims.iat),
        expire_time: at(claims.exp),
        auth_time: claims.auth_time.and_then(at),
        acr: claims.acr.unwrap_or_default(),
        amr: claims.amr,
    }
}
