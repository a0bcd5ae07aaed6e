//! `GetSeats`.

use bailiwick_authorization_core::seat;
use bailiwick_types::{Refused, method::authorization::GetSeats};

use super::small;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetSeats, pb::GetSeatsRequest>,
) -> Result<pb::GetSeatsResponse, Status> {
    let mut fields = Fields::new();
    let account = fields.account(&call.message.account);
    let account = fields.finish(account)?;
    let by = api.authorize(&call, &[], &Target::account(account)).await?;
    let snapshot = api.snapshot(&by).await?;
    let account = snapshot.account().await.map_err(status)?;
    let account = account.ok_or_else(|| status(Refused::NotFound("account")))?;
    let seats = seat::count(&*snapshot, &account, api.ports.clock.now())
        .await
        .map_err(status)?;
    Ok(pb::GetSeatsResponse {
        limit: seats.limit.map(small).unwrap_or_default(),
        used: small(seats.used),
        ending: small(seats.ending),
    })
}
