//! Invitations.

pub(crate) mod accept_invitation;
mod batch_create_invitations;
pub(crate) mod create_invitation;
mod get_invitation;
mod list_invitations;
mod resend_invitation;
mod revoke_invitation;

use std::collections::BTreeSet;

use bailiwick_authorization_core::invitation::Invitation;
use bailiwick_proto::authorization::v1::{self as pb, invitation_service_server::InvitationService};
use bailiwick_rpc::Fields;
use bailiwick_types::{AccountId, Email, InvitationId};
use tonic::Status;

use super::{Api, convert};

/// The most roles that one invitation carries.
const ROLES: usize = 50;

bailiwick_rpc::serve! {
    Api: InvitationService {}
    create_invitation(CreateInvitationRequest) -> CreateInvitationResponse;
    get_invitation(GetInvitationRequest) -> GetInvitationResponse;
    list_invitations(ListInvitationsRequest) -> ListInvitationsResponse;
    accept_invitation(AcceptInvitationRequest) -> AcceptInvitationResponse;
    revoke_invitation(RevokeInvitationRequest) -> RevokeInvitationResponse;
    resend_invitation(ResendInvitationRequest) -> ResendInvitationResponse;
    batch_create_invitations(BatchCreateInvitationsRequest) -> BatchCreateInvitationsResponse;
}

/// Reads a request that names an invitation of an account and nothing else.
fn named(account: &str, invitation: &str) -> Result<(AccountId, InvitationId), Status> {
    let mut fields = Fields::new();
    let account = fields.account(account);
    let invitation = fields.take("invitation", invitation.parse());
    fields.finish(account.zip(invitation))
}

/// Reads the address of a user; blanks around it, as they come with copied text, do not count.
fn email(fields: &mut Fields, field: &str, text: &str) -> Option<Email> {
    fields.take(field, text.trim().parse())
}

/// Reads the names of roles, each once.
fn roles(fields: &mut Fields, mut given: Vec<String>) -> Vec<String> {
    if given.is_empty() {
        fields.violate("roles", "must name at least one role");
    }
    if given.len() > ROLES {
        fields.violate("roles", format!("must name at most {ROLES} roles"));
    }
    let mut seen = BTreeSet::new();
    given.retain(|role| seen.insert(role.clone()));
    given
}

/// An invitation as it is now.
fn shown(api: &Api, invitation: Invitation) -> pb::Invitation {
    convert::invitation(invitation, api.ports.clock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_a_user_can_have_are_invited() {
        for (text, good) in [
            ("new.person@example.com", true),
            ("  new.person@example.com ", true),
            ("m\u{fc}ller@example.com", false),
            ("a,b@example.com", false),
            ("a..b@example.com", false),
            ("<b>x</b>@example.com", false),
            ("x@example.com.", false),
            ("x@-example.com", false),
        ] {
            let mut fields = Fields::new();
            let read = email(&mut fields, "email", text);
            let violations = fields.finish(read.clone()).err();
            assert_eq!(read.is_some(), good, "{text}");
            let named = violations.map(|status| bailiwick_rpc::violations(&status).remove(0).field);
            assert_eq!(named.as_deref(), (!good).then_some("email"), "{text}");
        }
    }
}
