//! Why a batch is refused as a whole.

use bailiwick_types::{Code, Fault, FieldViolation, Reason, Violations};

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
