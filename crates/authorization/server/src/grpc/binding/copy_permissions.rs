//! `CopyPermissions`.

use bailiwick_authorization_core::binding::copy::Copy;
use bailiwick_types::{Subject, method::authorization::CopyPermissions};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<CopyPermissions, pb::CopyPermissionsRequest>,
) -> Result<pb::CopyPermissionsResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let from = fields.user_subject("from", &message.from);
    let to = fields.user_subject("to", &message.to);
    if message.kinds.is_empty() {
        fields.violate("kinds", "must name at least one type");
    }
    let (account, copy) = fields.finish_with(|| {
        let copy = Copy {
            from: from?,
            to: to?,
            kinds: message.kinds.clone(),
        };
        Some((account?, copy))
    })?;
    let by = api
        .authorize(&call, &[&Subject::user(copy.to)], &Target::account(account))
        .await?;
    let answer = api.run(by, copy).await?;
    Ok(pb::CopyPermissionsResponse {
        copied: u32::try_from(answer.output).unwrap_or(u32::MAX),
        token: answer.token,
        changes: answer.changes,
    })
}
