//! From the words of the domain to those of the protos.

use bailiwick_authorization_core::{
    binding::Binding,
    invitation::{Invitation, State},
    member::Member,
    preview::{Effect, Shift, Strength},
    product::Product,
    resource::Resource,
};
use bailiwick_policy::{
    MemberState, Role,
    manifest::{Holders, MemberKind},
};
use bailiwick_proto::authorization::v1 as pb;
pub(super) use bailiwick_rpc::wire::timestamp;
pub(crate) use bailiwick_rpc::wire::{map_of, struct_of};
use bailiwick_types::{Level, Timestamp};

use crate::variants::same_variants;

pub(super) fn product(of: Product, with_manifest: bool) -> pb::Product {
    pb::Product {
        product: of.name.to_string(),
        version: of.version,
        manifest: if with_manifest { of.source } else { String::new() },
        update_time: Some(timestamp(of.updated_at)),
    }
}

pub(super) fn member(of: &Member) -> pb::Member {
    pb::Member {
        account: of.account.to_string(),
        user: of.user.to_string(),
        kind: member_kind(of.kind).into(),
        state: member_state(of.state).into(),
        expire_time: of.expires_at.map(timestamp),
        create_time: Some(timestamp(of.created_at)),
        email: String::new(),
    }
}

pub(super) fn binding(of: Binding) -> pb::Binding {
    pb::Binding {
        binding: of.id.to_string(),
        account: of.account.to_string(),
        subject: of.subject.to_string(),
        role: of.role,
        scope: of.scope.to_string(),
        key: of.key,
        parameters: (!of.parameters.is_empty()).then(|| struct_of(of.parameters)),
        expire_time: of.expires_at.map(timestamp),
    }
}

pub(super) fn invitation(of: Invitation, now: Timestamp) -> pb::Invitation {
    let state = invitation_state(of.state_at(now));
    pb::Invitation {
        invitation: of.id.to_string(),
        account: of.account.to_string(),
        email: of.email.into(),
        kind: member_kind(of.kind).into(),
        roles: of.roles,
        scope: of.scope.to_string(),
        state: state.into(),
        expire_time: Some(timestamp(of.expires_at)),
        create_time: Some(timestamp(of.created_at)),
        creator: of.creator.to_string(),
    }
}

pub(super) fn resource(of: Resource) -> pb::Resource {
    pb::Resource {
        account: of.account.to_string(),
        resource: of.name.to_string(),
        scope: of.scope.to_string(),
        owner: of.owner.as_ref().map(ToString::to_string).unwrap_or_default(),
        parent: of.parent.as_ref().map(ToString::to_string).unwrap_or_default(),
        title: of.title,
        attributes: (!of.attributes.is_empty()).then(|| struct_of(of.attributes)),
        create_time: Some(timestamp(of.created_at)),
    }
}

/// The kind of member that a request names; none where it names none.
pub(super) fn named_kind(kind: pb::MemberKind) -> Option<MemberKind> {
    match kind {
        pb::MemberKind::Unspecified => None,
        pb::MemberKind::Agent => Some(MemberKind::Agent),
        pb::MemberKind::Customer => Some(MemberKind::Customer),
    }
}

same_variants! {
    pub(super) fn member_kind(MemberKind => pb::MemberKind) { Agent, Customer }
    pub(super) fn member_state(MemberState => pb::MemberState) { Active, Suspended }
    fn invitation_state(State => pb::InvitationState) { Pending, Accepted, Revoked, Expired }
    fn strength(Strength => pb::PermissionStrength) { None, Conditional, NeedsApproval, Full }
}

pub(super) fn effect(of: Effect, email: String) -> pb::EffectiveChange {
    let change = |shift: Shift| pb::PermissionChange {
        permission: shift.permission,
        before: strength(shift.before).into(),
        after: strength(shift.after).into(),
    };
    pb::EffectiveChange {
        subject: of.subject.to_string(),
        scope: of.on.to_string(),
        gains: of.gains,
        loses: of.loses,
        changes: of.shifts.into_iter().map(change).collect(),
        r#type: of.of.unwrap_or_default(),
        account: of.account.to_string(),
        email,
    }
}

pub(super) fn role(of: &Role) -> pb::Role {
    let levels = of
        .levels()
        .map(|(level, _)| level)
        .filter(|level| *level >= Level::Account);
    pb::Role {
        name: of.name.to_string(),
        title: of.title.to_string(),
        levels: levels.map(|level| level.to_string()).collect(),
        holders: holders(of.holders),
    }
}

/// A rule about holders in words; empty where there is none.
pub(super) fn holders(rule: Option<Holders>) -> String {
    match rule {
        None => String::new(),
        Some(Holders::Exactly(n)) => format!("exactly {n}"),
        Some(Holders::AtLeast(n)) => format!("at least {n}"),
    }
}
