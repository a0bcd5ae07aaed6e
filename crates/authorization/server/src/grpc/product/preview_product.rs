//! `PreviewProduct`.

use bailiwick_authorization_core::product::preview::{After, Preview, preview};
use bailiwick_types::method::authorization::PreviewProduct;

use super::replacements;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<PreviewProduct, pb::PreviewProductRequest>,
) -> Result<pb::PreviewProductResponse, Status> {
    let (call, message) = call.split();
    let mut fields = Fields::new();
    let size = fields.page_size(message.page_size);
    let size = fields.finish(size)?;
    let replaced = message.role_replacements.iter();
    let replaced = replaced.map(|one| format!("{}={}", one.role, one.replaced_by));
    let replaced = replaced.collect::<Vec<_>>().join(" ");
    let list = ["PreviewProduct", &*message.manifest, &*replaced];
    let paging = Paging::<After>::new(&list, size, &message.page_token)?;
    let by = api.authorize(&call, &[], &Target::none()).await?;
    let change = Preview {
        source: message.manifest,
        replacements: replacements(message.role_replacements),
        after: paging.page.after,
        size: size.rows(),
    };
    let page = preview(&api.ports, &by, change).await.map_err(status)?;
    Ok(pb::PreviewProductResponse {
        version: page.version,
        differences: page.differences,
        changes: api.told(&by, page.effects).await?,
        next_page_token: paging.next_token(page.next.as_ref()),
    })
}
