//! Converts rows and domain values. An inconsistency names table, column and row.

use bailiwick_sql::Error;
use bailiwick_tenancy_core::{
    State, Title,
    account::Account,
    closing::Closing,
    place::{Place, PlaceId},
    settings::Settings,
};
use bailiwick_types::{AccountId, InstanceId, Level, Scope, Timestamp, UserId, WorkspaceId};
use sea_orm::IntoActiveModel;

use super::entity::{account, closing, place, settings};

/// A value of one account.
pub(super) trait OfAccount {
    /// The table that it is stored in.
    const TABLE: &'static str;
    /// The account.
    fn account(&self) -> AccountId;
}

macro_rules! of_account {
    ($($value:ident $table:literal $field:ident;)*) => {$(
        impl OfAccount for $value {
            const TABLE: &'static str = $table;
            fn account(&self) -> AccountId {
                self.$field
            }
        }
    )*};
}

of_account! {
    Account "account" id;
    Place "place" account;
    Settings "settings" account;
    Closing "closing" account;
}

/// A number as it is stored.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A stored number; none is negative.
pub(super) fn number(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or_default()
}

pub(super) const INSTANCE: i16 = 3;
pub(super) const WORKSPACE: i16 = 4;
const ACCOUNT: i16 = 2;

pub(super) fn level(level: Level) -> i16 {
    match level {
        Level::Deployment => 0,
        Level::Product => 1,
        Level::Account => ACCOUNT,
        Level::Instance => INSTANCE,
        Level::Workspace => WORKSPACE,
    }
}

fn state(table: &'static str, row: impl std::fmt::Display, text: &str) -> Result<State, Error> {
    State::named(text).ok_or_else(|| Error::corrupt(table, "state", row, "is not a state"))
}

fn title(table: &'static str, row: impl std::fmt::Display, text: String) -> Result<Title, Error> {
    Title::try_from(text).map_err(|error| Error::corrupt(table, "title", row, error))
}

impl TryFrom<account::Model> for Account {
    type Error = Error;
    fn try_from(row: account::Model) -> Result<Self, Error> {
        let id = AccountId::from_uuid(row.id);
        let product = row.product.parse();
        let seats = u32::try_from(row.seats);
        Ok(Self {
            id,
            product: product.map_err(|error| Error::corrupt("account", "product", id, error))?,
            title: title("account", id, row.title)?,
            state: state("account", id, &row.state)?,
            owner: row.owner.map(UserId::from_uuid),
            seats: seats.map_err(|error| Error::corrupt("account", "seats", id, error))?,
            billing_anchor: Timestamp(row.billing_anchor),
            created: Timestamp(row.created_at),
            updated: Timestamp(row.updated_at),
            version: number(row.version),
            closing: row.closing,
        })
    }
}

/// The row of a value.
pub(super) fn account_row(account: &Account) -> account::ActiveModel {
    account::Model {
        id: account.id.uuid(),
        product: account.product.to_string(),
        title: account.title.to_string(),
        title_key: account.title.folded(),
        state: account.state.as_str().to_owned(),
        owner: account.owner.map(UserId::uuid),
        seats: i64::from(account.seats),
        billing_anchor: account.billing_anchor.0,
        created_at: account.created.0,
        updated_at: account.updated.0,
        version: stored(account.version),
        closing: account.closing,
    }
    .into_active_model()
}

impl TryFrom<place::Model> for Place {
    type Error = Error;
    fn try_from(row: place::Model) -> Result<Self, Error> {
        let id = match row.level {
            INSTANCE => PlaceId::Instance(InstanceId::from_uuid(row.id)),
            WORKSPACE => PlaceId::Workspace(WorkspaceId::from_uuid(row.id)),
            _ => return Err(Error::corrupt("place", "level", row.id, "is not a level")),
        };
        Ok(Self {
            account: AccountId::from_uuid(row.account_id),
            id,
            parent: row.parent_id.map(InstanceId::from_uuid),
            title: title("place", row.id, row.title)?,
            edition: row.edition,
            state: state("place", row.id, &row.state)?,
            created: Timestamp(row.created_at),
            updated: Timestamp(row.updated_at),
            version: number(row.version),
            closing: row.closing,
            moved_from: row.moved_from.map(AccountId::from_uuid),
        })
    }
}

/// The row of a value.
pub(super) fn place_row(place: &Place) -> place::ActiveModel {
    place::Model {
        account_id: place.account.uuid(),
        id: place.id.uuid(),
        level: level(place.id.level()),
        parent_id: place.parent.map(InstanceId::uuid),
        title: place.title.to_string(),
        title_key: place.title.folded(),
        edition: place.edition.clone(),
        state: place.state.as_str().to_owned(),
        created_at: place.created.0,
        updated_at: place.updated.0,
        version: stored(place.version),
        closing: place.closing,
        moved_from: place.moved_from.map(AccountId::uuid),
    }
    .into_active_model()
}

impl TryFrom<closing::Model> for Closing {
    type Error = Error;
    fn try_from(row: closing::Model) -> Result<Self, Error> {
        let scope = match row.scope_level {
            ACCOUNT => Scope::Account(AccountId::from_uuid(row.scope_id)),
            INSTANCE => Scope::Instance(InstanceId::from_uuid(row.scope_id)),
            WORKSPACE => Scope::Workspace(WorkspaceId::from_uuid(row.scope_id)),
            _ => {
                let row = row.scope_id;
                return Err(Error::corrupt("closing", "scope_level", row, "is not a level"));
            }
        };
        Ok(Self {
            account: AccountId::from_uuid(row.account_id),
            scope,
            version: number(row.version),
            to: match (row.deleted, row.restricted) {
                (true, _) => State::Deleted,
                (false, true) => State::Restricted,
                (false, false) => State::Suspended,
            },
            begun: Timestamp(row.begun_at),
            actor: match row.actor.map(|actor| actor.parse()) {
                None => None,
                Some(Ok(actor)) => Some(actor),
                Some(Err(_)) => {
                    let row = row.scope_id;
                    return Err(Error::corrupt("closing", "actor", row, "is not a subject"));
                }
            },
        })
    }
}

impl TryFrom<settings::Model> for Settings {
    type Error = Error;
    fn try_from(row: settings::Model) -> Result<Self, Error> {
        let account = AccountId::from_uuid(row.account_id);
        let values = serde_json::from_str(&row.content);
        Ok(Self {
            account,
            version: number(row.version),
            values: values.map_err(|error| Error::corrupt("settings", "content", account, error))?,
        })
    }
}

/// The row of a value.
pub(super) fn closing_row(closing: &Closing) -> closing::Model {
    closing::Model {
        account_id: closing.account.uuid(),
        scope_id: closing.scope.uuid().unwrap_or_default(),
        scope_level: level(closing.scope.level()),
        version: stored(closing.version),
        deleted: closing.deletes(),
        restricted: closing.to == State::Restricted,
        begun_at: closing.begun.0,
        actor: closing.actor.as_ref().map(ToString::to_string),
    }
}
