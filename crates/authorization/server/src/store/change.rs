//! Changes as the feed carries them.

use bailiwick_authorization_core::{Change, approval, invitation::State};
use bailiwick_policy::PlaceState;
use bailiwick_proto::events::v1::{self as pb, change::Change as Told};
use bailiwick_rpc::wire::{struct_of, timestamp};

use crate::variants::same_variants;

/// The part of an account that a change is about: its kind and key.
pub(super) fn part(change: &Change) -> Option<(i16, String)> {
    match change {
        Change::Subject(subject) => Some((1, subject.to_string())),
        Change::Group(group) => Some((2, group.to_string())),
        Change::Resource { of, id } => Some((3, format!("{of}:{id}"))),
        _ => None,
    }
}

pub(super) fn encode(change: &Change) -> Vec<u8> {
    bailiwick_feed::encode(told(change))
}

pub(super) fn told(change: &Change) -> Told {
    match change {
        Change::Subject(subject) => Told::SubjectChanged(pb::SubjectChanged {
            subject: subject.to_string(),
        }),
        Change::Fact(subject) => Told::FactChanged(pb::FactChanged {
            subject: subject.to_string(),
        }),
        Change::Group(group) => Told::GroupChanged(pb::GroupChanged {
            group: group.to_string(),
        }),
        Change::Resource { of, id } => Told::ResourceChanged(pb::ResourceChanged {
            r#type: of.clone(),
            id: id.clone(),
        }),
        Change::Policy(account) => Told::PolicyChanged(pb::PolicyChanged {
            account: account.map(|account| account.to_string()).unwrap_or_default(),
        }),
        Change::Place(place) => Told::PlaceApplied(pb::PlaceApplied {
            scope: place.scope.to_string(),
            parent: place.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
            state: place_state(place.state).into(),
            title: place.title.clone(),
            edition: place.edition.clone().unwrap_or_default(),
        }),
        Change::Product {
            name,
            version,
            canonical,
        } => Told::ProductApplied(pb::ProductApplied {
            product: name.to_string(),
            version: *version,
            manifest: canonical.clone(),
        }),
        Change::Invitation(invitation) => Told::InvitationChanged(pb::InvitationChanged {
            account: invitation.account.to_string(),
            invitation: invitation.id.to_string(),
            version: invitation.version,
            state: invitation_state(invitation.state).into(),
            email: invitation.email.to_string(),
            scope: invitation.scope.to_string(),
            roles: invitation.roles.clone(),
        }),
        Change::InvitationErased { account, id, version } => Told::InvitationChanged(pb::InvitationChanged {
            account: account.to_string(),
            invitation: id.to_string(),
            version: *version,
            state: pb::InvitationState::Revoked.into(),
            ..Default::default()
        }),
        Change::Approval(of) => Told::ApprovalChanged(pb::ApprovalChanged {
            account: of.account.to_string(),
            approval: of.id.to_string(),
            version: of.state.version(),
            state: approval_state(of.state).into(),
            requester: of.requester.to_string(),
            permission: of.permission.clone(),
            target: of.on.to_string(),
            digest: of.digest.clone(),
            approved_by: of.by.clone(),
            once: of.once,
            decider: of.decider.as_ref().map(ToString::to_string).unwrap_or_default(),
            create_time: Some(timestamp(of.created_at)),
            expire_time: of.expires_at.map(timestamp),
        }),
        Change::Audited(audit) => bailiwick_feed::audited(pb::Audited {
            actor: audit.actor.as_ref().map(ToString::to_string).unwrap_or_default(),
            action: audit.action.to_owned(),
            target: audit.target.clone(),
            details: audit.details.clone().into_iter().collect(),
            before: values(&audit.before),
            after: values(&audit.after),
            ..pb::Audited::default()
        }),
    }
}

fn values(fields: &serde_json::Map<String, serde_json::Value>) -> Option<prost_types::Struct> {
    (!fields.is_empty()).then(|| struct_of(fields.clone()))
}

same_variants! {
    fn place_state(PlaceState => pb::PlaceState) { Active, Suspended, Moving, Deleted, Restricted }
    fn invitation_state(State => pb::InvitationState) { Pending, Accepted, Revoked, Expired }
    fn approval_state(approval::State => pb::ApprovalState) {
        Pending, Approved, Rejected, Withdrawn, Consumed
    }
}

/// The state of a place in a change; none where this build does not know it.
pub(crate) fn known_place_state(number: i32) -> Option<PlaceState> {
    match pb::PlaceState::try_from(number).ok()? {
        pb::PlaceState::Active => Some(PlaceState::Active),
        pb::PlaceState::Suspended => Some(PlaceState::Suspended),
        pb::PlaceState::Moving => Some(PlaceState::Moving),
        pb::PlaceState::Deleted => Some(PlaceState::Deleted),
        pb::PlaceState::Restricted => Some(PlaceState::Restricted),
        pb::PlaceState::Unspecified => None,
    }
}
