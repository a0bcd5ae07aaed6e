//! Converts changes to messages of the feed.

use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_tenancy_core::{
    Event, State,
    account::Account,
    audit::Record,
    place::Place,
    settings::{Settings, Values},
};
use bailiwick_types::Subject;

use bailiwick_rpc::wire::{struct_of, timestamp};

/// The message of an event.
pub(crate) fn change(event: Event) -> Change {
    match event {
        Event::Account { account, created } => account_changed(account, created),
        Event::Place(place) => place_changed(place),
        Event::Settings(settings) => settings_changed(settings),
    }
}

/// The message of an account; the first owner is in those of new accounts and of snapshots.
pub(crate) fn account_changed(account: Account, with_owner: bool) -> Change {
    let owner = account.owner.filter(|_| with_owner);
    Change::AccountChanged(pb::AccountChanged {
        account: account.id.to_string(),
        version: account.version,
        product: account.product.to_string(),
        title: account.title.to_string(),
        state: state(account.state).into(),
        owner: owner
            .map(|user| Subject::user(user).to_string())
            .unwrap_or_default(),
        seats: account.seats,
        billing_anchor: Some(timestamp(account.billing_anchor)),
    })
}

/// The message of a place. It names no owner: that is the account's.
pub(crate) fn place_changed(place: Place) -> Change {
    Change::PlaceChanged(pb::PlaceChanged {
        account: place.account.to_string(),
        scope: place.scope().to_string(),
        version: place.version,
        parent: place.parent_scope().to_string(),
        title: place.title.to_string(),
        edition: place.edition.unwrap_or_default(),
        state: state(place.state).into(),
        owner: String::new(),
        moved_from: place
            .moved_from
            .map(|account| account.to_string())
            .unwrap_or_default(),
    })
}

/// The message of what was done.
pub(crate) fn audited(record: Record) -> Change {
    let values = |values: Values| (!values.is_empty()).then(|| struct_of(values));
    bailiwick_feed::audited(pb::Audited {
        actor: record.actor.as_ref().map(ToString::to_string).unwrap_or_default(),
        action: record.action.to_owned(),
        target: record.target,
        details: record.details.into_iter().collect(),
        before: values(record.before),
        after: values(record.after),
        ..pb::Audited::default()
    })
}

/// The message of settings.
pub(crate) fn settings_changed(settings: Settings) -> Change {
    Change::SettingsChanged(pb::SettingsChanged {
        account: settings.account.to_string(),
        version: settings.version,
        values: Some(struct_of(settings.values)),
    })
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
