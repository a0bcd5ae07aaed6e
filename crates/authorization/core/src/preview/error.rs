//! Why a preview tells nothing.

use std::time::Duration;

use bailiwick_types::{Code, Fault, FieldViolation, Reason};

use super::MOST;
use crate::StoreError;

/// Why nothing is told.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error> {
    /// The change would be refused.
    #[error(transparent)]
    Change(E),
    /// It reaches too many people and places.
    #[error("the change reaches more than {MOST} pairs of a person and a place")]
    TooMany,
    /// The store fails.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: std::error::Error> From<StoreError> for Error<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E: Fault> Fault for Error<E> {
    fn code(&self) -> Code {
        match self {
            Self::Change(error) => error.code(),
            Self::TooMany => Code::ResourceExhausted,
            Self::Store(error) => error.code(),
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::Change(error) => error.reason(),
            Self::TooMany => Reason::TooMany,
            Self::Store(error) => error.reason(),
        }
    }
    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::Change(error) => error.violations(),
            Self::TooMany | Self::Store(_) => &[],
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Change(error) => error.retry_after(),
            Self::TooMany => None,
            Self::Store(error) => error.retry_after(),
        }
    }
}
