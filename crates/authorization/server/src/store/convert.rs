//! Words of the rows and words of the domain. What cannot be read back names table, column and row.

use std::{fmt::Display, str::FromStr};

use bailiwick_authorization_core::account::scope_of;
use bailiwick_sql::Error;
use bailiwick_types::{Level, Scope, SourceVersion};
use sea_orm::ActiveValue;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use uuid::Uuid;

/// Where a value stands, for what cannot be read back.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    table: &'static str,
    /// The key of the row.
    row: &'a (dyn Display + Sync),
}

impl<'a> At<'a> {
    pub(super) fn new(table: &'static str, row: &'a (dyn Display + Sync)) -> Self {
        Self { table, row }
    }
    pub(super) fn corrupt(&self, column: &'static str, problem: impl Display) -> Error {
        Error::corrupt(self.table, column, self.row.to_string(), problem)
    }
    pub(super) fn parse<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
        text: &str,
    ) -> Result<T, Error> {
        text.parse().map_err(|error: T::Err| self.corrupt(column, error))
    }
    pub(super) fn json<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T, Error> {
        serde_json::from_str(text).map_err(|error| self.corrupt(column, error))
    }
    pub(super) fn number<T: TryFrom<i64>>(&self, column: &'static str, number: i64) -> Result<T, Error> {
        T::try_from(number).map_err(|_| self.corrupt(column, "is out of range"))
    }
    pub(super) fn known<T>(&self, column: &'static str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| self.corrupt(column, "is none of the known values"))
    }
    /// A value that may be absent.
    pub(super) fn optional<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
        text: Option<&str>,
    ) -> Result<Option<T>, Error> {
        text.map(|text| self.parse(column, text)).transpose()
    }
    /// A number that may be absent.
    pub(super) fn optional_number<T: TryFrom<i64>>(
        &self,
        column: &'static str,
        number: Option<i64>,
    ) -> Result<Option<T>, Error> {
        number.map(|number| self.number(column, number)).transpose()
    }
    /// A version of another service.
    pub(super) fn version(
        &self,
        column: &'static str,
        epoch: &str,
        number: i64,
    ) -> Result<SourceVersion, Error> {
        Ok(SourceVersion::new(epoch, self.number(column, number)?))
    }
    /// The version up to which something stays closed, where it is.
    pub(super) fn closed(
        &self,
        epoch: Option<&str>,
        number: Option<i64>,
    ) -> Result<Option<SourceVersion>, Error> {
        match (epoch, number) {
            (Some(epoch), Some(number)) => self.version("closed_version", epoch, number).map(Some),
            (None, None) => Ok(None),
            _ => Err(self.corrupt(
                "closed_epoch",
                "is there without its version, or its version without it",
            )),
        }
    }
    /// Parameters of a binding or grant; none where the column is empty.
    pub(super) fn parameters(&self, text: Option<&str>) -> Result<Map<String, Json>, Error> {
        text.map_or_else(|| Ok(Map::new()), |text| self.json("parameters", text))
    }
    /// The generation of the names in a row.
    pub(super) fn generation(&self, number: i32) -> Result<u32, Error> {
        self.number("generation", number.into())
    }
    pub(super) fn scope(&self, level: i16, id: Uuid) -> Result<Scope, Error> {
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

/// A number as the databases store it.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The columns of a closure.
pub(super) fn stored_closed(closed: Option<&SourceVersion>) -> (Option<String>, Option<i64>) {
    closed
        .map(|closed| (closed.epoch().to_owned(), stored(closed.number())))
        .unzip()
}

/// The generation of the names in a row, as the databases store it.
pub(super) fn generation(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Values that are written.
pub(super) fn set<T: Into<sea_orm::Value>>(value: T) -> ActiveValue<T> {
    ActiveValue::Set(value)
}

/// JSON of what has no map keys but texts: cannot fail.
pub(super) fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
