//! Products.

mod apply_product;
mod get_product;
mod list_products;
mod preview_product;

use bailiwick_authorization_core::{Read, product::Replacement};
use bailiwick_proto::authorization::v1::{self as pb, product_service_server::ProductService};
use bailiwick_types::{Authorized, Method, Refused};
use tonic::Status;

use super::{Api, status};

bailiwick_rpc::serve! {
    Api: ProductService {}
    apply_product(ApplyProductRequest) -> ApplyProductResponse;
    preview_product(PreviewProductRequest) -> PreviewProductResponse;
    get_product(GetProductRequest) -> GetProductResponse;
    list_products(ListProductsRequest) -> ListProductsResponse;
}

fn replacements(given: Vec<pb::RoleReplacement>) -> Vec<Replacement> {
    given
        .into_iter()
        .map(|one| Replacement {
            role: one.role,
            by: Some(one.replaced_by).filter(|by| !by.is_empty()),
        })
        .collect()
}

/// Reads what no account has.
async fn read<M: Method>(api: &Api, by: &Authorized<M>) -> Result<Box<dyn Read + Send + Sync>, Status> {
    let all = by.all_accounts().ok_or_else(|| status(Refused::Denied))?;
    api.ports.store.read_all(all).await.map_err(status)
}
