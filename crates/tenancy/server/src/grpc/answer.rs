//! Converts domain values to messages.

use bailiwick_proto::tenancy::v1 as pb;
use bailiwick_tenancy_core::{Etag, State, account::Account, place::Place};

use bailiwick_rpc::wire::timestamp;

pub(super) fn account(account: Account) -> pb::Account {
    pb::Account {
        account: account.id.to_string(),
        product: account.product.to_string(),
        title: account.title.to_string(),
        state: state(account.state).into(),
        seats: account.seats,
        billing_anchor: Some(timestamp(account.billing_anchor)),
        create_time: Some(timestamp(account.created)),
        update_time: Some(timestamp(account.updated)),
        etag: Etag::of_version(account.version),
    }
}

pub(super) fn instance(place: Place) -> pb::Instance {
    pb::Instance {
        instance: bailiwick_types::InstanceId::from_uuid(place.id.uuid()).to_string(),
        account: place.account.to_string(),
        title: place.title.to_string(),
        edition: place.edition.unwrap_or_default(),
        state: state(place.state).into(),
        create_time: Some(timestamp(place.created)),
        update_time: Some(timestamp(place.updated)),
        etag: Etag::of_version(place.version),
    }
}

pub(super) fn workspace(place: Place) -> pb::Workspace {
    pb::Workspace {
        workspace: bailiwick_types::WorkspaceId::from_uuid(place.id.uuid()).to_string(),
        account: place.account.to_string(),
        parent: place.parent_scope().to_string(),
        title: place.title.to_string(),
        state: state(place.state).into(),
        create_time: Some(timestamp(place.created)),
        update_time: Some(timestamp(place.updated)),
        etag: Etag::of_version(place.version),
    }
}

fn state(state: State) -> pb::PlaceState {
    match state {
        State::Active => pb::PlaceState::Active,
        State::Suspended => pb::PlaceState::Suspended,
        State::Moving => pb::PlaceState::Moving,
        State::Deleted => pb::PlaceState::Deleted,
        State::Restricted => pb::PlaceState::Restricted,
    }
}
