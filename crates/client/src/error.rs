//! Failed calls, for programs and for people.

use std::{collections::BTreeMap, fmt, time::Duration};

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A call that failed.
///
/// Printed as `CODE: message`, followed by a line for each invalid field.
#[derive(Debug, Clone, thiserror::Error)]
pub struct Error {
    code: Code,
    message: String,
    reason: Option<String>,
    metadata: BTreeMap<String, String>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
}

/// An invalid field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the request.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Error {
    /// Creates an error that did not come from a server.
    pub(crate) fn local(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            reason: None,
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            retry_after: None,
        }
    }
    /// The gRPC status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }
    /// The message, meant for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
    /// The reason, for programs: a name of `bailiwick.common.v1.ErrorReason` without its prefix.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }
    /// The details of the reason, by name.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
    /// All invalid fields.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
    /// The delay after which a retry can help; none where it cannot.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", code_name(self.code), self.message)?;
        // Skip what the message already says in full.
        self.violations
            .iter()
            .filter(|v| !(self.message.contains(&v.field) && self.message.contains(&v.description)))
            .try_for_each(|v| write!(f, "\n  {}: {}", v.field, v.description))
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            reason: info.map(|i| i.reason.clone()),
            metadata: info
                .map(|i| i.metadata.clone().into_iter().collect())
                .unwrap_or_default(),
            violations: details
                .bad_request()
                .map(|b| b.field_violations.iter().map(Violation::from).collect())
                .unwrap_or_default(),
            retry_after: details.retry_info().and_then(|r| r.retry_delay),
        }
    }
}

impl From<&tonic_types::FieldViolation> for Violation {
    fn from(violation: &tonic_types::FieldViolation) -> Self {
        Self {
            field: violation.field.clone(),
            description: violation.description.clone(),
        }
    }
}

impl From<tonic::transport::Error> for Error {
    fn from(error: tonic::transport::Error) -> Self {
        let mut message = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            message = format!("{message}: {inner}");
            source = inner.source();
        }
        Self::local(Code::Unavailable, message)
    }
}

/// The standard name of a code, such as `PERMISSION_DENIED`.
#[must_use]
pub fn code_name(code: Code) -> &'static str {
    CODES.get(code as usize).map_or("UNKNOWN", |(name, _)| name)
}

/// The code with a standard name.
#[must_use]
pub fn code_of(name: &str) -> Option<Code> {
    CODES.iter().find(|(n, _)| *n == name).map(|(_, code)| *code)
}

const CODES: [(&str, Code); 17] = [
    ("OK", Code::Ok),
    ("CANCELLED", Code::Cancelled),
    ("UNKNOWN", Code::Unknown),
    ("INVALID_ARGUMENT", Code::InvalidArgument),
    ("DEADLINE_EXCEEDED", Code::DeadlineExceeded),
    ("NOT_FOUND", Code::NotFound),
    ("ALREADY_EXISTS", Code::AlreadyExists),
    ("PERMISSION_DENIED", Code::PermissionDenied),
    ("RESOURCE_EXHAUSTED", Code::ResourceExhausted),
    ("FAILED_PRECONDITION", Code::FailedPrecondition),
    ("ABORTED", Code::Aborted),
    ("OUT_OF_RANGE", Code::OutOfRange),
    ("UNIMPLEMENTED", Code::Unimplemented),
    ("INTERNAL", Code::Internal),
    ("UNAVAILABLE", Code::Unavailable),
    ("DATA_LOSS", Code::DataLoss),
    ("UNAUTHENTICATED", Code::Unauthenticated),
];

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_code_is_spelled_as_the_standard_spells_it() {
        for (at, (name, code)) in CODES.iter().enumerate() {
            assert_eq!(*code as usize, at);
            assert_eq!(code_name(*code), *name);
            assert_eq!(code_of(name), Some(*code));
        }
        assert_eq!(code_of("permission_denied"), None);
    }

    #[test]
    fn an_error_prints_its_message_and_then_each_field_on_a_line() {
        let mut details = ErrorDetails::with_error_info("INVALID_FIELD", "bailiwick", HashMap::new());
        details.add_bad_request_violation("title", "must not be empty");
        details.add_bad_request_violation("edition", "is required");
        let status = Status::with_error_details(Code::InvalidArgument, "two fields are wrong", details);
        let error = Error::from(status);
        assert_eq!(error.code(), Code::InvalidArgument);
        assert_eq!(error.reason(), Some("INVALID_FIELD"));
        assert_eq!(
            error.to_string(),
            "INVALID_ARGUMENT: two fields are wrong\n  title: must not be empty\n  edition: is required"
        );
        let mut details = ErrorDetails::with_error_info("INVALID_FIELD", "bailiwick", HashMap::new());
        details.add_bad_request_violation("title", "must not be empty");
        let status = Status::with_error_details(Code::InvalidArgument, "`title` must not be empty", details);
        assert_eq!(
            Error::from(status).to_string(),
            "INVALID_ARGUMENT: `title` must not be empty"
        );
    }
}
