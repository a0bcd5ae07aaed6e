//! Etags (AIP-154): the version of a resource that several people may edit.

use crate::Precondition;

/// The etag that a caller read; without one, a write replaces any version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Etag(Option<String>);

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
    pub fn check(&self, version: u64) -> Result<(), Precondition> {
        match &self.0 {
            Some(etag) if *etag != Self::of_version(version) => Err(Precondition::EtagMismatch),
            _ => Ok(()),
        }
    }
}
