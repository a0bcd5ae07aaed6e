//! From the database's errors to the port's.

use bailiwick_sql::{Cause, Error};
use bailiwick_tenancy_core::store::StoreError;
use sea_orm::DbErr;

/// Says a database's error in the port's words.
pub(crate) fn store_error(error: Error) -> StoreError {
    match error {
        Error::Conflict(_) => StoreError::Conflict,
        Error::Unavailable(_) | Error::OutcomeUnknown(_) => StoreError::Unavailable(error.into()),
        other => StoreError::Internal(other.into()),
    }
}

pub(super) fn db_error(error: DbErr) -> StoreError {
    store_error(error.into())
}

/// The database's error behind one of the port.
pub(crate) fn sql_error(error: StoreError) -> Error {
    match error {
        StoreError::Conflict => Error::Conflict(Cause::text("a concurrent change won")),
        StoreError::Unavailable(cause) | StoreError::Internal(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Error::Internal(Cause::new(std::io::Error::other(other))),
        },
    }
}
