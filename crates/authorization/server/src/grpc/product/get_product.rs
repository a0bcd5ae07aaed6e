//! `GetProduct`.

use bailiwick_types::{ProductName, Refused, method::authorization::GetProduct};

use super::read;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<GetProduct, pb::GetProductRequest>,
) -> Result<pb::GetProductResponse, Status> {
    let mut fields = Fields::new();
    let name: Option<ProductName> = fields.take("product", call.message.product.parse());
    let name = fields.finish(name)?;
    let by = api.authorize(&call, &[], &Target::none()).await?;
    let found = read(api, &by).await?.product(&name).await.map_err(status)?;
    let found = found.ok_or_else(|| status(Refused::NotFound("product")))?;
    Ok(pb::GetProductResponse {
        product: Some(convert::product(found, true)),
    })
}
