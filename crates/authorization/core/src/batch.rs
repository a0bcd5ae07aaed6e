//! Why a batch is refused as a whole.

use std::time::Duration;

use bailiwick_types::{Code, Fault, FieldViolation, Reason, Violations};

use crate::StoreError;

/// Items of a batch that are at fault. Nothing of the batch is done.
#[derive(Debug, thiserror::Error)]
#[error("{violations}")]
pub struct Items {
    /// The code.
    pub code: Code,
    /// The reason.
    pub reason: Reason,
    /// Every item at fault, by its index.
    pub violations: Violations,
}

impl Items {
    /// Refuses where items are at fault.
    ///
    /// # Errors
    /// There are violations.
    pub(crate) fn check(violations: Violations, (code, reason): (Code, Reason)) -> Result<(), Self> {
        violations.check().map_err(|violations| Self {
            code,
            reason,
            violations,
        })
    }
}

impl Fault for Items {
    fn code(&self) -> Code {
        self.code
    }
    fn reason(&self) -> Reason {
        self.reason
    }
    fn violations(&self) -> &[FieldViolation] {
        self.violations.as_slice()
    }
}

/// Why nothing of a batch is done: what holds for one alone does not hold, or some items are at fault and all of them are
/// named.
#[derive(Debug, thiserror::Error)]
pub enum Error<E: std::error::Error> {
    /// What one alone would be refused for.
    #[error(transparent)]
    One(E),
    /// Items are at fault.
    #[error("{violations}")]
    Each {
        /// The code.
        code: Code,
        /// The reason.
        reason: Reason,
        /// Every item that is at fault, by its index.
        violations: Violations,
    },
    /// The store fails.
    #[error(transparent)]
    Store(StoreError),
}

impl<E: std::error::Error> From<StoreError> for Error<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Refuses where items are at fault.
pub(crate) fn each<E: std::error::Error>(
    violations: Violations,
    (code, reason): (Code, Reason),
) -> Result<(), Error<E>> {
    violations.check().map_err(|violations| Error::Each {
        code,
        reason,
        violations,
    })
}

impl<E: Fault> Fault for Error<E> {
    fn code(&self) -> Code {
        match self {
            Self::One(error) => error.code(),
            Self::Each { code, .. } => *code,
            Self::Store(error) => error.code(),
        }
    }
    fn reason(&self) -> Reason {
        match self {
            Self::One(error) => error.reason(),
            Self::Each { reason, .. } => *reason,
            Self::Store(error) => error.reason(),
        }
    }
    fn violations(&self) -> &[FieldViolation] {
        match self {
            Self::One(error) => error.violations(),
            Self::Each { violations, .. } => violations.as_slice(),
            Self::Store(_) => &[],
        }
    }
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::One(error) => error.retry_after(),
            Self::Each { .. } => None,
            Self::Store(error) => error.retry_after(),
        }
    }
}
