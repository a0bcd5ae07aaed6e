//! `ListProducts`.

use bailiwick_types::method::authorization::ListProducts;

use super::read;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ListProducts, pb::ListProductsRequest>,
) -> Result<pb::ListProductsResponse, Status> {
    let mut fields = Fields::new();
    let size = fields.page_size(call.message.page_size);
    let size = fields.finish(size)?.get();
    let list = ["ListProducts"];
    let after: Option<String> = pages::decode(&list, &call.message.page_token).map_err(status)?;
    let by = api.authorize(&call, &[], &Target::none()).await?;
    let rows = read(api, &by).await?.products(after.as_deref(), size + 1).await;
    let (rows, next_page_token) = page_of(&list, rows.map_err(status)?, size, |last| last.name.to_string());
    Ok(pb::ListProductsResponse {
        products: rows.into_iter().map(|row| convert::product(row, false)).collect(),
        next_page_token,
    })
}
