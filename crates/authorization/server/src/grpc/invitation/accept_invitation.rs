//! `AcceptInvitation`.

use bailiwick_authorization_core::invitation::accept::{Accept, Which};
use bailiwick_types::{AccountId, method::authorization::AcceptInvitation};

use super::{email, shown};
use crate::grpc::prelude::*;

pub(super) async fn handle(
    api: &Api,
    call: Call<AcceptInvitation, pb::AcceptInvitationRequest>,
) -> Result<pb::AcceptInvitationResponse, Status> {
    let (account, accept) = read(&call.message)?;
    api.wait(&call.context, account, &[]).await?;
    // The caller is no member yet: a token for no account, or for another one, is fine.
    let by = api.guard.authorize(&call, &Target::none()).await?;
    let answer = api.run_in(by, account, accept).await?;
    Ok(pb::AcceptInvitationResponse {
        invitation: Some(shown(api, answer.output)),
        token: answer.token,
    })
}

pub(crate) fn read(message: &pb::AcceptInvitationRequest) -> Result<(AccountId, Accept), Status> {
    let mut fields = Fields::new();
    let account = fields.account(&message.account);
    let which = match (message.invitation.as_str(), message.scope.as_str()) {
        ("", "") => {
            fields.violate("invitation", "must be given where `scope` is not");
            None
        }
        ("", scope) => fields.scope("scope", scope, account).map(Which::On),
        (id, "") => fields.take("invitation", id.parse()).map(Which::Id),
        _ => {
            fields.violate("scope", "must be empty where `invitation` is given");
            None
        }
    };
    let email = match message.email.as_str() {
        "" => Some(None),
        text => email(&mut fields, "email", text).map(Some),
    };
    fields.finish_with(|| {
        let accept = Accept {
            which: which?,
            email: email?,
        };
        Some((account?, accept))
    })
}
