//! Etags (AIP-154): the version of what two people may edit at a time.

use bailiwick_types::{Code, Fault, Reason};

/// The etag that a caller read; none overwrites whatever is there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Etag(Option<String>);

/// The etag is not the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was changed since it was read: read it again")]
pub struct EtagError;

impl Etag {
    /// Reads a request's field: empty is none.
    #[must_use]
    pub fn of_request(text: &str) -> Self {
        Self((!text.is_empty()).then(|| text.to_owned()))
    }
    /// The etag of a version.
    #[must_use]
    pub fn of_version(version: u64) -> String {
        version.to_string()
    }
    /// Compares it with the present version.
    ///
    /// # Errors
    /// It is of another version.
    pub fn check(&self, version: u64) -> Result<(), EtagError> {
        match &self.0 {
            Some(etag) if *etag != Self::of_version(version) => Err(EtagError),
            _ => Ok(()),
        }
    }
}

impl Fault for EtagError {
    fn code(&self) -> Code {
        Code::Aborted
    }
    fn reason(&self) -> Reason {
        Reason::EtagMismatch
    }
}
