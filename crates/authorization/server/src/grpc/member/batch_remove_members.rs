//! `BatchRemoveMembers`.

use std::collections::BTreeSet;

use bailiwick_authorization_core::member::batch_remove::BatchRemove;
use bailiwick_types::{AccountId, Subject, UserId, method::authorization::BatchRemoveMembers};

use super::small;
use crate::grpc::prelude::*;

/// The most members that are removed at once.
const BATCH: usize = 1_000;

pub(super) async fn handle(
    api: &Api,
    call: Call<BatchRemoveMembers, pb::BatchRemoveMembersRequest>,
) -> Result<pb::BatchRemoveMembersResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (account, remove) = read(&call.message)?;
    let subjects: Vec<Subject> = remove.users.iter().copied().map(Subject::user).collect();
    let known: Vec<&Subject> = subjects.iter().collect();
    let by = api.authorize(&call, &known, &Target::account(account)).await?;
    let answer = api.run(by, remove).await?;
    Ok(pb::BatchRemoveMembersResponse {
        members: small(answer.output.members),
        bindings: small(answer.output.bindings),
        grants: small(answer.output.grants),
        token: answer.token,
        changes: answer.changes,
    })
}

fn read(message: &pb::BatchRemoveMembersRequest) -> Result<(AccountId, BatchRemove), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    if message.users.is_empty() || message.users.len() > BATCH {
        fields.violate("users", format!("must be 1 to {BATCH} users"));
    }
    let mut users = Vec::with_capacity(message.users.len());
    let mut seen = BTreeSet::new();
    for (n, text) in message.users.iter().enumerate() {
        let field = format!("users[{n}]");
        let user = fields.take(&field, text.parse::<UserId>());
        if user.is_some_and(|user| !seen.insert(user)) {
            fields.violate(&field, "must not be named twice");
        }
        users.extend(user);
    }
    fields.finish(account.map(|account| (account, BatchRemove { users })))
}
