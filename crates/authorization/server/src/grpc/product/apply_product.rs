//! `ApplyProduct`.

use bailiwick_authorization_core::product::apply::{Apply, apply};
use bailiwick_types::method::authorization::ApplyProduct;

use super::replacements;
use crate::grpc::prelude::*;

/// The longest name of a file, in characters.
const FILE_NAME: usize = 1_000;

pub(super) async fn handle(
    api: &Api,
    call: Call<ApplyProduct, pb::ApplyProductRequest>,
) -> Result<pb::ApplyProductResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (call, message) = call.split();
    let mut fields = Fields::new();
    let file = fields.short("file_name", &message.file_name, FILE_NAME);
    let file = fields.finish(file)?;
    let by = api.authorize(&call, &[], &Target::none()).await?;
    let change = Apply {
        source: message.manifest,
        replacements: replacements(message.role_replacements),
    };
    let (ports, dry_run) = (api.ports.clone(), by.is_dry_run());
    let run = async move {
        let applied = apply(&ports, &by, change).await;
        applied.map_err(|error| status(error.in_file(&file)))
    };
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
