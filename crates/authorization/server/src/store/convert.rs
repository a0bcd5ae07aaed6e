//! Words of the rows and words of the domain. What cannot be read back names table, column and row.

use std::{fmt::Display, str::FromStr};

use bailiwick_authorization_core::{StoreError, account::scope_of, invitation, person::PersonState};
use bailiwick_policy::{MemberState, PlaceState, manifest::MemberKind};
use bailiwick_sql::Error;
use bailiwick_types::{Level, Scope};
use sea_orm::ActiveValue;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// Where a value stands, for what cannot be read back.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) table: &'static str,
    pub(super) row: &'a dyn fmt_row::Row,
}

pub(super) mod fmt_row {
    /// The key of a row, as text.
    pub(in super::super) trait Row: std::fmt::Debug + Sync {
        fn key(&self) -> String;
    }
    impl<T: ToString + std::fmt::Debug + Sync> Row for T {
        fn key(&self) -> String {
            self.to_string()
        }
    }
}

impl<'a> At<'a> {
    pub(super) fn new(table: &'static str, row: &'a dyn fmt_row::Row) -> Self {
        Self { table, row }
    }
    pub(super) fn corrupt(&self, column: &'static str, problem: impl Display) -> StoreError {
        Error::corrupt(self.table, column, self.row.key(), problem).into()
    }
    pub(super) fn parse<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        text.parse().map_err(|error: T::Err| self.corrupt(column, error))
    }
    pub(super) fn json<T: DeserializeOwned>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T, StoreError> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str, number: i64) -> Result<T, StoreError> {
        T::try_from(number).map_err(|_| self.corrupt(column, "is out of range"))
    }
    pub(super) fn known<T>(&self, column: &'static str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.corrupt(column, "is none of the known values"))
    }
    pub(super) fn scope(&self, level: i16, id: Uuid) -> Result<Scope, StoreError> {
        self.known(
            "scope_level",
            level_of(level).and_then(|level| scope_of(level, id)),
        )
    }
}

pub(super) fn level_number(level: Level) -> i16 {
    match level {
        Level::Deployment => 0,
        Level::Product => 1,
        Level::Account => 2,
        Level::Instance => 3,
        Level::Workspace => 4,
    }
}

pub(crate) fn level_of(number: i16) -> Option<Level> {
    Some(match number {
        0 => Level::Deployment,
        1 => Level::Product,
        2 => Level::Account,
        3 => Level::Instance,
        4 => Level::Workspace,
        _ => return None,
    })
}

pub(super) fn place_state_number(state: PlaceState) -> i16 {
    match state {
        PlaceState::Active => 1,
        PlaceState::Suspended => 2,
        PlaceState::Moving => 3,
        PlaceState::Deleted => 4,
    }
}

pub(crate) fn place_state_of(number: i16) -> Option<PlaceState> {
    Some(match number {
        1 => PlaceState::Active,
        2 => PlaceState::Suspended,
        3 => PlaceState::Moving,
        4 => PlaceState::Deleted,
        _ => return None,
    })
}

pub(super) fn person_state_number(state: PersonState) -> i16 {
    match state {
        PersonState::Active => 1,
        PersonState::Disabled => 2,
        PersonState::Deleted => 3,
    }
}

pub(super) fn person_state_of(number: i16) -> Option<PersonState> {
    Some(match number {
        1 => PersonState::Active,
        2 => PersonState::Disabled,
        3 => PersonState::Deleted,
        _ => return None,
    })
}

pub(super) fn kind_number(kind: MemberKind) -> i16 {
    match kind {
        MemberKind::Agent => 1,
        MemberKind::Customer => 2,
    }
}

pub(crate) fn kind_of(number: i16) -> Option<MemberKind> {
    Some(match number {
        1 => MemberKind::Agent,
        2 => MemberKind::Customer,
        _ => return None,
    })
}

pub(super) fn member_state_number(state: MemberState) -> i16 {
    match state {
        MemberState::Active => 1,
        MemberState::Suspended => 2,
    }
}

pub(crate) fn member_state_of(number: i16) -> Option<MemberState> {
    Some(match number {
        1 => MemberState::Active,
        2 => MemberState::Suspended,
        _ => return None,
    })
}

pub(super) fn invitation_state_number(state: invitation::State) -> i16 {
    match state {
        invitation::State::Pending => 1,
        invitation::State::Accepted => 2,
        invitation::State::Revoked => 3,
        invitation::State::Expired => 4,
    }
}

pub(super) fn invitation_state_of(number: i16) -> Option<invitation::State> {
    Some(match number {
        1 => invitation::State::Pending,
        2 => invitation::State::Accepted,
        3 => invitation::State::Revoked,
        4 => invitation::State::Expired,
        _ => return None,
    })
}

/// A number as the databases store it.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Values that are written.
pub(super) fn set<T: Into<sea_orm::Value>>(value: T) -> ActiveValue<T> {
    ActiveValue::Set(value)
}

/// JSON of what has no map keys but texts: cannot fail.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
