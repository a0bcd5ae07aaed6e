//! `CheckCaller`.

use bailiwick_rpc::OperatorAllowed;
use bailiwick_types::{AccountId, Subject, method::authorization::CheckCaller};

use crate::grpc::prelude::*;

/// The most scopes of one question.
const SCOPES: usize = 1_000;
/// The most permissions of one question.
const PERMISSIONS: usize = 100;

pub(super) async fn handle(
    api: &Api,
    call: Call<CheckCaller, pb::CheckCallerRequest>,
) -> Result<pb::CheckCallerResponse, Status> {
    let (context, message) = (&call.context, &call.message);
    let mut fields = Fields::new();
    let subject: Option<Subject> = fields.take("subject", message.subject.parse());
    let account: Option<Option<AccountId>> = fields.optional("account", &message.account);
    if message.scopes.len() > SCOPES {
        fields.violate("scopes", format!("must name at most {SCOPES} scopes"));
    }
    if message.stranger {
        for (field, is_empty) in [
            ("permissions", message.permissions.is_empty()),
            ("scopes", message.scopes.is_empty()),
        ] {
            if !is_empty {
                fields.violate(field, "must be empty with `stranger`");
            }
        }
    } else if message.permissions.is_empty() || message.permissions.len() > PERMISSIONS {
        fields.violate("permissions", format!("must name 1 to {PERMISSIONS} permissions"));
    }
    let within = fields.optional_scope("within", &message.within, account.flatten());
    if !message.within.is_empty()
        && (message.stranger || message.operator_allowed || message.account.is_empty())
    {
        fields.violate(
            "within",
            "needs an account, and neither `stranger` nor `operator_allowed`",
        );
    }
    let (subject, account) = fields.finish(subject.zip(account))?;
    let within = within.flatten();
    api.guard.authorize(&call, &Target::none()).await?;
    api.fresh.known(context, &subject).await?;
    api.fresh.wait(context, account, &[&subject]).await?;
    let operator = match (account, message.operator_allowed) {
        (None, _) => OperatorAllowed::Only,
        (Some(_), true) => OperatorAllowed::Yes,
        (Some(_), false) => OperatorAllowed::No,
    };
    if message.stranger {
        let stranger = api.rights.is_stranger(&subject, account).await;
        return Ok(pb::CheckCallerResponse {
            stranger: stranger.map_err(status)?,
            ..Default::default()
        });
    }
    let mut columns = Vec::with_capacity(message.permissions.len());
    let mut by_operator = false;
    for permission in &message.permissions {
        let scopes = &message.scopes;
        let held = match (&within, account) {
            (Some(within), Some(account)) => {
                let held = api
                    .rights
                    .held_within(&subject, account, permission, scopes, within);
                held.await
            }
            _ => {
                let held = api.rights.held(&subject, account, permission, scopes, operator);
                held.await
            }
        };
        let held = held.map_err(status)?;
        by_operator |= held.operator;
        columns.push(held.allowed);
    }
    let row = |n: usize| {
        columns
            .iter()
            .map(move |column| column.get(n).copied().unwrap_or_default())
    };
    Ok(pb::CheckCallerResponse {
        allowed: (0..message.scopes.len()).flat_map(row).collect(),
        operator: by_operator,
        stranger: false,
    })
}
