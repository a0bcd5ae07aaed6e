//! Turns rows of the outbox into the changes that a replica applies.

use bailiwick_authorization_engine::{Event, FactKey, PartKey, Root, Row};
use bailiwick_policy::{Level, Place, PlaceId};
use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_sql::OutboxRow;
use bailiwick_types::{GroupId, Scope, ScopeRoot, Subject};
use prost::Message;

use crate::store::change::known_place_state;

/// Reads a row; `None` for roots that decisions do not depend on.
pub(super) fn row_of(row: &OutboxRow) -> Option<Row> {
    let root = match &row.root {
        ScopeRoot::Deployment => Root::Deployment,
        ScopeRoot::Product(name) => Root::Product(name.clone()),
        ScopeRoot::Account(id) => Root::Account(*id),
        ScopeRoot::User(_) => return None,
    };
    let mut events = Vec::with_capacity(row.changes.len());
    for bytes in &row.changes {
        match pb::Change::decode(&**bytes) {
            Ok(pb::Change { change: Some(change) }) => events.extend(event_of(change, &root)),
            // A change that this build does not know may be one that decisions depend on.
            Ok(pb::Change { change: None }) | Err(_) => events.push(Event::Unreadable),
        }
    }
    Some(Row {
        root,
        revision: row.revision,
        stamp: row.stamp,
        stamp_before: row.stamp_before,
        events,
    })
}

fn event_of(change: Change, root: &Root) -> Option<Event> {
    let common = !matches!(root, Root::Account(_));
    match change {
        // The bindings of deployment and product are kept as a whole: any change means reading them again.
        Change::SubjectChanged(_) | Change::PolicyChanged(_) | Change::ProductApplied(_) if common => {
            Some(Event::Content)
        }
        Change::SubjectChanged(changed) => {
            let group = changed
                .subject
                .strip_prefix("group:")
                .and_then(|id| id.parse::<GroupId>().ok());
            Some(Event::Part(match group {
                Some(group) => PartKey::Group(group.uuid().as_u128()),
                None => PartKey::Subject(changed.subject.into()),
            }))
        }
        Change::FactChanged(changed) => {
            let subject = changed.subject.parse::<Subject>().ok();
            let key = subject.as_ref().and_then(FactKey::of);
            Some(key.map_or(Event::Unreadable, |key| Event::Part(PartKey::Fact(key))))
        }
        Change::GroupChanged(changed) => Some(match changed.group.parse::<GroupId>() {
            Ok(group) => Event::Part(PartKey::Group(group.uuid().as_u128())),
            Err(_) => Event::Unreadable,
        }),
        Change::ResourceChanged(changed) => Some(Event::Part(PartKey::Resource(
            format!("{}:{}", changed.r#type, changed.id).into(),
        ))),
        Change::PolicyChanged(_) => Some(Event::Content),
        Change::PlaceApplied(place) => Some(place_of(&place).unwrap_or(Event::Unreadable)),
        Change::ProductApplied(_) => Some(Event::Content),
        // What other services own, and what decisions do not depend on.
        Change::UserChanged(_)
        | Change::ServiceAccountChanged(_)
        | Change::SessionRevoked(_)
        | Change::AccessTokenRevoked(_)
        | Change::ApiKeyEnded(_)
        | Change::AccountChanged(_)
        | Change::PlaceChanged(_)
        | Change::SettingsChanged(_)
        | Change::InvitationChanged(_)
        | Change::ApprovalChanged(_)
        | Change::MemberWritten(_)
        | Change::BindingWritten(_)
        | Change::GrantWritten(_)
        | Change::GroupWritten(_)
        | Change::GroupMemberWritten(_)
        | Change::RoleWritten(_)
        | Change::SettingsWritten(_)
        | Change::StandingWritten(_)
        | Change::RowsRemoved(_)
        | Change::Audited(_) => None,
    }
}

fn place_of(place: &pb::PlaceApplied) -> Option<Event> {
    let scope: Scope = place.scope.parse().ok()?;
    let state = known_place_state(place.state)?;
    match scope.level() {
        Level::Account => Some(Event::AccountState(state)),
        level @ (Level::Instance | Level::Workspace) => {
            let parent: Scope = place.parent.parse().ok()?;
            Some(Event::Place(Place {
                id: PlaceId::from(&scope),
                parent: PlaceId::from(&parent),
                level,
                state,
            }))
        }
        Level::Deployment | Level::Product => None,
    }
}
