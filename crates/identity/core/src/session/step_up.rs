//! Step-ups: the user proves itself again, for one call of one method.

use std::{fmt, str::FromStr};

use bailiwick_types::{RequestDigest, SessionId, Timestamp, method};

/// A method that asks for a step-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepUpMethod(&'static str);

/// Error for a method that asks for no step-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be the full name of a method that asks for a step-up, such as \
     `bailiwick.authorization.v1.BindingService/TransferOwnership`"
)]
pub struct StepUpMethodError;

impl StepUpMethod {
    /// The full name: `package.Service/Method`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl FromStr for StepUpMethod {
    type Err = StepUpMethodError;
    fn from_str(text: &str) -> Result<Self, StepUpMethodError> {
        let found = method::find(&format!("/{text}")).filter(|method| method.step_up);
        found.map(|method| Self(method.name())).ok_or(StepUpMethodError)
    }
}

impl fmt::Display for StepUpMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What consumes a step-up.
#[derive(Debug, Clone, Copy)]
pub struct Consumption<'a> {
    /// The session.
    pub session: SessionId,
    /// The full name of the method.
    pub method: &'a str,
    /// The digest of the request.
    pub request: &'a RequestDigest,
    /// The Reauthenticate must not be older.
    pub not_before: Timestamp,
    /// The same request that has consumed one since then consumes no other one.
    pub repeated_since: Timestamp,
    /// The present.
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_method_that_asks_for_a_step_up_is_one() {
        let name = "bailiwick.identity.v1.OperatorService/GrantOperator";
        assert_eq!(name.parse::<StepUpMethod>().unwrap().as_str(), name);
        for other in [
            "",
            "/bailiwick.identity.v1.OperatorService/GrantOperator",
            "GrantOperator",
            "bailiwick.identity.v1.UserService/GetUser",
            "bailiwick.identity.v1.UserService/Unknown",
        ] {
            assert_eq!(other.parse::<StepUpMethod>(), Err(StepUpMethodError), "{other}");
        }
    }
}
