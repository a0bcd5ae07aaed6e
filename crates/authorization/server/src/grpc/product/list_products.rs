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
    let size = fields.finish(size)?;
    let paging = Paging::<String>::new(&["ListProducts"], size, &call.message.page_token)?;
    let by = api.authorize(&call, &[], &Target::none()).await?;
    let (after, limit) = (paging.page.after.as_deref(), paging.limit());
    let rows = read(api, &by).await?.products(after, limit).await;
    let (rows, next_page_token) = paging.cut(rows.map_err(status)?, |last| last.name.to_string());
    Ok(pb::ListProductsResponse {
        products: rows.into_iter().map(|row| convert::product(row, false)).collect(),
        next_page_token,
    })
}
