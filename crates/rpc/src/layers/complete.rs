//! Adds a reason to the statuses that tonic itself makes, so that every status has one.

use bailiwick_types::{Code as Fault, Reason};
use http::HeaderMap;
use tonic::{Code, Status};

use crate::status::{opaque, plain};

/// The prefix of tonic's message for a request that does not decode.
const UNREADABLE: &str = "failed to decode Protobuf message";

/// The starts of tonic's messages for a request that is longer than its server allows: as it came, and
/// decompressed.
const TOO_LONG: [&str; 2] = [
    "Error, decoded message length too large",
    "Error decompressing: size limit",
];

fn too_long(text: &str) -> bool {
    TOO_LONG.iter().any(|start| text.starts_with(start))
}

/// Adds the details of every status to one without. The text of an internal error goes to the log only.
pub(super) fn complete(headers: &mut HeaderMap) {
    let bare = headers
        .get("grpc-status")
        .is_some_and(|code| code.as_bytes() != b"0")
        && !headers.contains_key("grpc-status-details-bin");
    if !bare {
        return;
    }
    let Some(status) = Status::from_header_map(headers) else {
        return;
    };
    headers.remove("grpc-message");
    // It fails only for a status that is too long for a header; the code is set already then.
    let _ = whole(&status).add_header(headers);
}

fn whole(status: &Status) -> Status {
    let text = status.message();
    match status.code() {
        Code::Internal if text.starts_with(UNREADABLE) => plain(
            Fault::InvalidArgument,
            Reason::InvalidField,
            "cannot decode the request message",
        ),
        Code::OutOfRange | Code::ResourceExhausted if too_long(text) => plain(
            Fault::ResourceExhausted,
            Reason::TooMany,
            "the request message is longer than the setting `server.max_message_bytes` allows",
        ),
        Code::OutOfRange => plain(Fault::InvalidArgument, Reason::InvalidField, text),
        Code::InvalidArgument => plain(Fault::InvalidArgument, Reason::InvalidField, text),
        Code::Unauthenticated => plain(Fault::Unauthenticated, Reason::CredentialsInvalid, text),
        Code::PermissionDenied => plain(Fault::PermissionDenied, Reason::PermissionDenied, text),
        Code::NotFound => plain(Fault::NotFound, Reason::NotFound, text),
        Code::AlreadyExists => plain(Fault::AlreadyExists, Reason::AlreadyExists, text),
        Code::FailedPrecondition => plain(Fault::FailedPrecondition, Reason::NotActive, text),
        Code::ResourceExhausted => plain(Fault::ResourceExhausted, Reason::Overloaded, text),
        Code::Aborted => plain(Fault::Aborted, Reason::Conflict, text),
        Code::Unavailable => plain(Fault::Unavailable, Reason::DependencyUnavailable, text),
        Code::DeadlineExceeded | Code::Cancelled => plain(
            Fault::DeadlineExceeded,
            Reason::DeadlineExceeded,
            "deadline exceeded",
        ),
        // The router of health and reflection has no text.
        Code::Unimplemented if text.is_empty() => {
            plain(Fault::Unimplemented, Reason::Unimplemented, "unknown method")
        }
        Code::Unimplemented => plain(Fault::Unimplemented, Reason::Unimplemented, text),
        Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => {
            tracing::error!(error = text, "internal fault");
            opaque()
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt;

    use super::*;

    fn completed(status: Status) -> Status {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        complete(&mut headers);
        Status::from_header_map(&headers).unwrap()
    }

    #[test]
    fn a_bare_internal_status_loses_its_text_and_gets_a_reason() {
        let status = completed(Status::internal("table `users` has no row 7"));
        assert_eq!(
            (status.code(), status.message()),
            (Code::Internal, "internal error")
        );
        assert_eq!(
            status.get_error_details().error_info().unwrap().reason,
            "INTERNAL"
        );
        let status = completed(Status::unknown("h2 said no"));
        assert_eq!(
            (status.code(), status.message()),
            (Code::Internal, "internal error")
        );
    }

    #[test]
    fn every_code_gets_a_reason_of_the_suite() {
        for code in 1..=16 {
            let status = completed(Status::new(Code::from_i32(code), "x"));
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert!(Reason::ALL.iter().any(|r| r.as_str() == info.reason), "{code}");
            assert_eq!(info.domain, "bailiwick");
        }
    }

    #[test]
    fn a_status_with_details_is_left_as_it_is() {
        let status = plain(Fault::NotFound, Reason::NotActive, "odd but own");
        let again = completed(status.clone());
        assert_eq!(again.details(), status.details());
    }
}
