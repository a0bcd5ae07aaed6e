//! `invite`: invites an e-mail address with roles.

use super::prelude::*;

/// The kinds of members that are invited.
const KINDS: &[(&str, authorization::MemberKind)] = &[
    ("agent", authorization::MemberKind::Agent),
    ("customer", authorization::MemberKind::Customer),
];

arguments! { pub(super) struct Invite in on {
    email: String = need("email"),
    roles: Vec<String> = need("roles"),
    on: Scope = need("on"),
    kind: Option<authorization::MemberKind> = word("kind", KINDS),
} }

request! { Invite(self, call) = authorization.invitation.create_invitation(CreateInvitationRequest {
    account: call.account_id(),
    email: call.options.email(&self.email),
    roles: self.roles.clone(),
    scope: call.names.scope(&self.on),
    request_id: String::new(),
    kind: self.kind.unwrap_or_default().into(),
}) }
