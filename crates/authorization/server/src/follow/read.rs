//! From what the feeds carry to what `core` applies.

use std::{collections::BTreeMap, sync::Arc};

use bailiwick_authorization_core::{
    follow::{AccountTold, PersonTold, PlaceTold, SettingsTold, Way},
    person::{PersonState, ServiceAccount},
};
use bailiwick_feed::DecodeError;
use bailiwick_policy::PlaceState;
use bailiwick_proto::events::v1::{self as pb, change::Change};
use bailiwick_sql::follow::ApplyError;
use bailiwick_types::{SourceVersion, Subject, Timestamp};

use super::content;
use crate::{grpc::map_of, store::change::known_place_state};

/// What changed; none for a kind that a newer program knows.
pub(super) fn change(bytes: &[u8]) -> Result<Option<Change>, ApplyError> {
    match bailiwick_feed::change(bytes) {
        Ok(change) => Ok(Some(change)),
        Err(DecodeError::Unknown) => Ok(None),
        Err(error) => Err(content("change", error)),
    }
}

/// Where a change was told: its versions count in the history of the feed, and a snapshot begins one.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) epoch: Arc<str>,
    pub(super) way: Way,
}

impl Origin {
    fn version(&self, number: u64) -> SourceVersion {
        SourceVersion::new(Arc::clone(&self.epoch), number)
    }
}

/// A state that this program does not know counts as closed: whoever wrote it took something away.
fn state(number: i32) -> PlaceState {
    known_place_state(number).unwrap_or(PlaceState::Suspended)
}

fn subject(field: &str, text: &str) -> Result<Option<Subject>, ApplyError> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|error| content(field, error)),
    }
}

fn instant(at: prost_types::Timestamp) -> Timestamp {
    Timestamp(
        at.seconds
            .saturating_mul(1_000_000)
            .saturating_add(i64::from(at.nanos / 1_000)),
    )
}

pub(super) fn account(of: pb::AccountChanged, from: &Origin) -> Result<AccountTold, ApplyError> {
    Ok(AccountTold {
        id: of.account.parse().map_err(|error| content("account", error))?,
        version: from.version(of.version),
        way: from.way,
        product: of.product.parse().map_err(|error| content("product", error))?,
        title: of.title,
        state: state(of.state),
        owner: subject("owner", &of.owner)?,
        seats: of.seats,
        billing_anchor: of.billing_anchor.map(instant),
    })
}

pub(super) fn place(of: pb::PlaceChanged, from: &Origin) -> Result<PlaceTold, ApplyError> {
    Ok(PlaceTold {
        account: of.account.parse().map_err(|error| content("account", error))?,
        scope: of.scope.parse().map_err(|error| content("scope", error))?,
        version: from.version(of.version),
        way: from.way,
        parent: of.parent.parse().map_err(|error| content("parent", error))?,
        title: of.title,
        edition: Some(of.edition).filter(|edition| !edition.is_empty()),
        state: state(of.state),
        owner: subject("owner", &of.owner)?,
        moved_from: match &*of.moved_from {
            "" => None,
            account => Some(account.parse().map_err(|error| content("moved_from", error))?),
        },
    })
}

pub(super) fn settings(of: pb::SettingsChanged, from: &Origin) -> Result<SettingsTold, ApplyError> {
    let values: BTreeMap<_, _> = of.values.map(map_of).unwrap_or_default().into_iter().collect();
    Ok(SettingsTold {
        account: of.account.parse().map_err(|error| content("account", error))?,
        version: from.version(of.version),
        values,
    })
}

pub(super) fn person(of: pb::UserChanged, from: &Origin) -> Result<PersonTold, ApplyError> {
    let state = match pb::UserState::try_from(of.state) {
        Ok(pb::UserState::Active) => PersonState::Active,
        Ok(pb::UserState::Deleted) => PersonState::Deleted,
        // As with places: what is not known counts as closed.
        Ok(pb::UserState::Disabled | pb::UserState::Unspecified) | Err(_) => PersonState::Disabled,
    };
    Ok(PersonTold {
        user: of.user.parse().map_err(|error| content("user", error))?,
        version: from.version(of.version),
        way: from.way,
        state,
        email: of.email,
        email_verified: of.email_verified,
        operator: of.operator,
    })
}

pub(super) fn service_account(
    of: pb::ServiceAccountChanged,
    from: &Origin,
) -> Result<ServiceAccount, ApplyError> {
    Ok(ServiceAccount {
        id: of
            .service_account
            .parse()
            .map_err(|error| content("service_account", error))?,
        version: from.version(of.version),
        closed_version: None,
        enabled: of.enabled,
        root: of.scope.parse().map_err(|error| content("scope", error))?,
        role: Some(of.role).filter(|role| !role.is_empty()),
        creator: subject("creator", &of.creator)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from() -> Origin {
        Origin {
            epoch: "first".into(),
            way: Way::Event,
        }
    }

    fn told(bytes: &[u8]) -> Result<ServiceAccount, ApplyError> {
        match change(bytes) {
            Ok(Some(Change::ServiceAccountChanged(of))) => service_account(of, &from()),
            other => panic!("{other:?}"),
        }
    }

    /// As a program wrote it that did not know of makers: service account, version, enabled, scope and role.
    const BEFORE_MAKERS: &[u8] = b"\x12\x3f\x0a\x1esvc_01h455vb4pex5vsknk084sn02q\
        \x10\x07\x18\x01\x22\x10product:iservice\x2a\x07service";

    #[test]
    fn an_old_event_about_a_service_account_names_no_maker() {
        let told = told(BEFORE_MAKERS).unwrap();
        assert_eq!(
            (told.version, told.enabled, told.creator),
            (SourceVersion::new("first", 7), true, None)
        );
        assert_eq!(told.role.as_deref(), Some("service"));
    }

    #[test]
    fn a_state_that_is_not_known_counts_as_closed() {
        for unknown in [0, 77] {
            let place = place(
                pb::PlaceChanged {
                    account: "acct_01h455vb4pex5vsknk084sn02q".to_owned(),
                    scope: "workspace:ws_01h455vb4pex5vsknk084sn02q".to_owned(),
                    parent: "account:acct_01h455vb4pex5vsknk084sn02q".to_owned(),
                    state: unknown,
                    ..Default::default()
                },
                &from(),
            );
            assert_eq!(place.unwrap().state, PlaceState::Suspended);
            let person = person(
                pb::UserChanged {
                    user: "user_01h455vb4pex5vsknk084sn02q".to_owned(),
                    state: unknown,
                    ..Default::default()
                },
                &from(),
            );
            assert_eq!(person.unwrap().state, PersonState::Disabled);
        }
    }

    #[test]
    fn an_event_names_who_made_a_service_account() {
        let event = |creator: &str| {
            bailiwick_feed::encode(Change::ServiceAccountChanged(pb::ServiceAccountChanged {
                service_account: "svc_01h455vb4pex5vsknk084sn02q".to_owned(),
                version: 1,
                enabled: true,
                scope: "deployment".to_owned(),
                role: String::new(),
                creator: creator.to_owned(),
            }))
        };
        let creator = "user:user_01h455vb4pex5vsknk084sn02q";
        let told_of = told(&event(creator)).unwrap().creator;
        assert_eq!(told_of.as_ref().map(Subject::as_str), Some(creator));
        assert!(matches!(told(&event("Anna")), Err(ApplyError::Content(_))));
    }
}
