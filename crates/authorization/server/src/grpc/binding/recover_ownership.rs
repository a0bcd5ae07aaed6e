//! `RecoverOwnership`.

use bailiwick_authorization_core::binding::recover::Recover;
use bailiwick_types::{Subject, method::authorization::RecoverOwnership};

use crate::grpc::prelude::*;

/// The longest justification.
const JUSTIFICATION: usize = 1_000;

pub(super) async fn handle(
    api: &Api,
    call: Call<RecoverOwnership, pb::RecoverOwnershipRequest>,
) -> Result<pb::RecoverOwnershipResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let scope = fields.scope("scope", &message.scope, account);
    let to = fields.user_subject("to", &message.to);
    let justification = fields.text("justification", &message.justification, JUSTIFICATION);
    let (account, recover) = fields.finish_with(|| {
        let recover = Recover {
            scope: scope?,
            to: to?,
            justification: justification?,
        };
        Some((account?, recover))
    })?;
    let target = Target::scope(account, &recover.scope);
    let by = api
        .authorize(&call, &[&Subject::user(recover.to)], &target)
        .await?;
    let answer = api.run(by, recover).await?;
    Ok(pb::RecoverOwnershipResponse {
        binding: answer.committed.then(|| convert::binding(answer.output)),
        token: answer.token,
        changes: answer.changes,
    })
}
