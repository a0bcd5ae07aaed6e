//! Words of the rows and words of the domain. What cannot be read back names table, column and row.

use std::{fmt::Display, str::FromStr};

use bailiwick_authorization_core::{StoreError, account::scope_of};
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
            Level::from_code(level).and_then(|level| scope_of(level, id)),
        )
    }
}

/// The number under which a variant is stored, as columns have it.
pub(super) fn column(code: u8) -> i16 {
    code.into()
}

/// What a column says, where it is one of the known values.
pub(super) fn known<T>(
    table: &'static str,
    column: &'static str,
    row: &str,
    value: Option<T>,
) -> Result<T, Error> {
    value.ok_or_else(|| Error::corrupt(table, column, row, "is none of the known values"))
}

/// Reads JSON that is stored as text.
pub(super) fn parse_json<T: DeserializeOwned>(
    text: &str,
    table: &'static str,
    column: &'static str,
    row: &str,
) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::corrupt(table, column, row, error))
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
