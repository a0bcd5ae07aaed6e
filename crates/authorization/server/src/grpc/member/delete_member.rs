//! `DeleteMember`.

use bailiwick_authorization_core::member::delete::Delete;
use bailiwick_types::{Subject, method::authorization::DeleteMember};

use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<DeleteMember, pb::DeleteMemberRequest>,
) -> Result<pb::DeleteMemberResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let message = &call.message;
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let user = fields.take("user", message.user.parse());
    let seat_ends = match message.mode() {
        pb::DeleteMode::Unspecified => {
            fields.violate("mode", "must be given");
            None
        }
        pb::DeleteMode::Replace => Some(false),
        pb::DeleteMode::Delete => Some(true),
    };
    let (account, delete) = fields.finish_with(|| {
        let delete = Delete {
            user: user?,
            seat_ends: seat_ends?,
        };
        Some((account?, delete))
    })?;
    let by = api
        .authorize(&call, &[&Subject::user(delete.user)], &Target::account(account))
        .await?;
    let answer = api.run(by, delete).await?;
    Ok(pb::DeleteMemberResponse {
        token: answer.token,
        changes: answer.changes,
    })
}
