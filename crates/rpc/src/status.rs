//! Converts faults to statuses; nothing else does.

use std::collections::HashMap;

use bailiwick_types::{Chain, Code, Fault, Reason};
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::current;

/// The domain of every `google.rpc.ErrorInfo`.
pub(crate) const DOMAIN: &str = "bailiwick";

/// Converts a fault to a status: the code, its message, `ErrorInfo`, `BadRequest` with all violations and
/// `RetryInfo` (AIP-193). An internal fault is logged here, once; the caller gets the request id only.
#[must_use]
pub fn status(fault: &dyn Fault) -> Status {
    let mut metadata: HashMap<String, String> = HashMap::new();
    if fault.code() == Code::Internal {
        tracing::error!(error = %Chain(fault), "internal fault");
        return opaque();
    }
    for (name, value) in fault.metadata() {
        metadata.insert(name.to_owned(), value);
    }
    let mut details = ErrorDetails::with_error_info(fault.reason().as_str(), DOMAIN, metadata);
    let violations: Vec<FieldViolation> = fault
        .violations()
        .iter()
        .map(|v| FieldViolation::new(&v.field, &v.rule))
        .collect();
    if !violations.is_empty() {
        details.set_bad_request(violations);
    }
    if let Some(after) = fault.retry_after() {
        details.set_retry_info(Some(after));
    }
    Status::with_error_details(grpc_code(fault.code()), fault.to_string(), details)
}

/// The violations that a status carries.
#[must_use]
pub fn violations(status: &Status) -> Vec<bailiwick_types::FieldViolation> {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| &*bad.field_violations);
    let of = |one: &FieldViolation| bailiwick_types::FieldViolation {
        field: one.field.clone(),
        rule: one.description.clone(),
    };
    fields.unwrap_or_default().iter().map(of).collect()
}

/// An internal error that reveals nothing but the request id.
pub(crate) fn opaque() -> Status {
    let mut details = ErrorDetails::with_error_info(Reason::Internal.as_str(), DOMAIN, HashMap::new());
    if let Some(call) = current::get() {
        details.set_request_info(call.request_id.as_str(), "");
    }
    Status::with_error_details(tonic::Code::Internal, "internal error", details)
}

/// A status with a code and a reason that comes from no fault of a use case.
pub(crate) fn plain(code: Code, reason: Reason, message: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason.as_str(), DOMAIN, HashMap::new());
    Status::with_error_details(grpc_code(code), message, details)
}

/// The gRPC code of a fault's code.
pub(crate) fn grpc_code(code: Code) -> tonic::Code {
    match code {
        Code::InvalidArgument => tonic::Code::InvalidArgument,
        Code::Unauthenticated => tonic::Code::Unauthenticated,
        Code::PermissionDenied => tonic::Code::PermissionDenied,
        Code::NotFound => tonic::Code::NotFound,
        Code::AlreadyExists => tonic::Code::AlreadyExists,
        Code::FailedPrecondition => tonic::Code::FailedPrecondition,
        Code::ResourceExhausted => tonic::Code::ResourceExhausted,
        Code::Aborted => tonic::Code::Aborted,
        Code::Unavailable => tonic::Code::Unavailable,
        Code::DeadlineExceeded => tonic::Code::DeadlineExceeded,
        Code::Unimplemented => tonic::Code::Unimplemented,
        Code::Internal => tonic::Code::Internal,
    }
}

/// Converts a fault to a status.
pub trait IntoStatus {
    /// The status.
    fn into_status(self) -> Status;
}

impl<F: Fault> IntoStatus for F {
    fn into_status(self) -> Status {
        status(&self)
    }
}

/// Answers a call of a method that is not implemented: UNIMPLEMENTED.
#[must_use]
pub fn later<T>(_request: &tonic::Request<T>) -> Status {
    plain(
        Code::Unimplemented,
        Reason::Unimplemented,
        "method is not implemented",
    )
}
