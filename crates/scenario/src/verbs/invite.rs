//! `invite`: invites an e-mail address with roles.

use super::prelude::*;

arguments! { pub(super) struct Invite in on {
    email: String = need("email"),
    roles: Vec<String> = need("roles"),
    on: Scope = need("on"),
} }

request! { Invite(self, call) = authorization.invitation.create_invitation(CreateInvitationRequest {
    account: call.account_id(),
    email: call.options.email(&self.email),
    roles: self.roles.clone(),
    scope: call.names.scope(&self.on),
    request_id: String::new(),
}) }
