//! `ApplyProduct`.

use bailiwick_authorization_core::product::apply::{Apply, apply};
use bailiwick_types::method::authorization::ApplyProduct;

use super::replacements;
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<ApplyProduct, pb::ApplyProductRequest>,
) -> Result<pb::ApplyProductResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (call, message) = call.split();
    let by = api.authorize(&call, &[], &Target::none()).await?;
    let change = Apply {
        source: message.manifest,
        replacements: replacements(message.role_replacements),
    };
    let (ports, dry_run) = (api.ports.clone(), by.is_dry_run());
    let run = async move { apply(&ports, &by, change).await.map_err(status) };
    let done = if dry_run {
        run.await?
    } else {
        api.tasks.run(run).await?
    };
    Ok(pb::ApplyProductResponse {
        product: Some(convert::product(done.product, false)),
        changed: done.changed,
        differences: done.differences,
        warnings: done.warnings,
        token: encoded(&done.token),
    })
}
