//! `BatchCreateInvitations`.

use std::collections::HashSet;

use bailiwick_authorization_core::invitation::batch_create::BatchCreate;
use bailiwick_policy::manifest::MemberKind;
use bailiwick_types::{AccountId, method::authorization::BatchCreateInvitations};

use super::{email, roles, shown};
use crate::grpc::prelude::*;

/// The most people that are invited at once.
const BATCH: usize = 1_000;

pub(super) async fn handle(
    api: &Api,
    call: Call<BatchCreateInvitations, pb::BatchCreateInvitationsRequest>,
) -> Result<pb::BatchCreateInvitationsResponse, Status> {
    let call = call.dry_run_where(|message| message.validate_only);
    let (call, message) = call.split();
    let (account, batch) = read(message)?;
    let target = Target::scope(account, &batch.scope);
    let by = api.authorize(&call, &[], &target).await?;
    let answer = api.run(by, batch).await?;
    let count = u32::try_from(answer.output.len()).unwrap_or(u32::MAX);
    let made = answer.output.into_iter().filter(|_| answer.committed);
    Ok(pb::BatchCreateInvitationsResponse {
        invitations: made.map(|one| shown(api, one)).collect(),
        count,
        token: answer.token,
    })
}

fn read(message: pb::BatchCreateInvitationsRequest) -> Result<(AccountId, BatchCreate), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let scope = fields.scope("scope", &message.scope, account);
    if message.emails.is_empty() || message.emails.len() > BATCH {
        fields.violate("emails", format!("must be 1 to {BATCH} addresses"));
    }
    let mut seen = HashSet::new();
    let mut emails = Vec::with_capacity(message.emails.len());
    for (n, text) in message.emails.iter().enumerate() {
        let field = format!("emails[{n}]");
        let address = email(&mut fields, &field, text);
        if address
            .as_ref()
            .is_some_and(|address| !seen.insert(address.key()))
        {
            fields.violate(&field, "must not be named twice");
        }
        emails.extend(address);
    }
    let kind = convert::named_kind(message.kind()).unwrap_or(MemberKind::Agent);
    let roles = roles(&mut fields, message.roles);
    let read = account.zip(scope).map(|(account, scope)| {
        let batch = BatchCreate {
            emails,
            kind,
            roles,
            scope,
        };
        (account, batch)
    });
    fields.finish(read)
}
