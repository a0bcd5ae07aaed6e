//! Each fault as the status that a caller sees.

use std::{fmt, sync::Arc, time::Duration};

use bailiwick_proto::common::v1::ErrorReason;
use bailiwick_rpc::IntoStatus;
use bailiwick_types::{Code as Fc, Fault, FieldViolation, Reason, Violations};
use tonic::{Code, codec::CompressionEncoding};
use tonic_types::StatusExt;

use crate::support::{EMPTY, ISSUE, Setup, raw, reason, script};

#[derive(Debug, Clone)]
struct Any {
    code: Fc,
    reason: Reason,
    violations: Vec<FieldViolation>,
}

impl fmt::Display for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message of {:?}", self.code)
    }
}
impl std::error::Error for Any {}
impl Fault for Any {
    fn code(&self) -> Fc {
        self.code
    }
    fn reason(&self) -> Reason {
        self.reason
    }
    fn metadata(&self) -> Vec<(&'static str, String)> {
        vec![("limit", "10".to_owned())]
    }
    fn violations(&self) -> &[FieldViolation] {
        &self.violations
    }
    fn retry_after(&self) -> Option<Duration> {
        (self.code == Fc::Unavailable).then_some(Duration::from_millis(1500))
    }
}

fn any(code: Fc, reason: Reason) -> Any {
    Any {
        code,
        reason,
        violations: Vec::new(),
    }
}

async fn answer(fault: Any) -> tonic::Status {
    let fault = Arc::new(fault);
    let setup = Setup::script(script(move |_| {
        let fault = Any::clone(&fault);
        async move { Err(fault.into_status()) }
    }));
    setup.start().await.anybody().await.unwrap_err()
}

#[tokio::test]
async fn every_code_of_a_fault_is_a_code_of_grpc_with_its_reason_and_facts() {
    let pairs = [
        (Fc::InvalidArgument, Code::InvalidArgument),
        (Fc::Unauthenticated, Code::Unauthenticated),
        (Fc::PermissionDenied, Code::PermissionDenied),
        (Fc::NotFound, Code::NotFound),
        (Fc::AlreadyExists, Code::AlreadyExists),
        (Fc::FailedPrecondition, Code::FailedPrecondition),
        (Fc::ResourceExhausted, Code::ResourceExhausted),
        (Fc::Aborted, Code::Aborted),
        (Fc::Unavailable, Code::Unavailable),
        (Fc::DeadlineExceeded, Code::DeadlineExceeded),
        (Fc::Unimplemented, Code::Unimplemented),
    ];
    for (from, to) in pairs {
        let status = answer(any(from, Reason::NoFreeSeat)).await;
        assert_eq!(status.code(), to);
        assert_eq!(status.message(), format!("message of {from:?}"));
        assert_eq!(reason(&status), "NO_FREE_SEAT");
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().metadata["limit"], "10");
        let retry = details.retry_info().and_then(|r| r.retry_delay);
        assert_eq!(
            retry,
            (to == Code::Unavailable).then_some(Duration::from_millis(1500))
        );
    }
}

#[tokio::test]
async fn an_internal_fault_tells_its_request_id_and_nothing_else() {
    let status = answer(any(Fc::Internal, Reason::Conflict)).await;
    assert_eq!(
        (status.code(), status.message()),
        (Code::Internal, "internal error")
    );
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.metadata.len()), ("INTERNAL", 0));
    assert_eq!(details.request_info().unwrap().request_id.len(), 32);
}

#[tokio::test]
async fn all_violations_come_at_once_in_the_order_of_the_fields() {
    let mut violations = Violations::new();
    violations.add("account.title", "must not be empty");
    violations.add("account.seats", "must be at least 1");
    let status = violations.into_status();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(
        status.message(),
        "`account.title` must not be empty; `account.seats` must be at least 1"
    );
    let details = status.get_error_details();
    let fields: Vec<_> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|v| v.field.clone())
        .collect();
    assert_eq!(fields, ["account.title", "account.seats"]);
}

#[test]
fn the_reasons_of_the_code_and_of_the_protos_are_the_same() {
    let code: Vec<_> = Reason::ALL.iter().map(|r| r.as_str().to_owned()).collect();
    let mut proto = Vec::new();
    for number in 1.. {
        let Ok(reason) = ErrorReason::try_from(number) else {
            break;
        };
        proto.push(
            reason
                .as_str_name()
                .trim_start_matches("ERROR_REASON_")
                .to_owned(),
        );
    }
    assert_eq!(code, proto);
    assert!(code.len() >= 35);
}

#[tokio::test]
async fn a_request_that_is_no_message_is_the_callers_fault() {
    let world = Setup::default().start().await;
    // A field of type string with bytes that are no text.
    let body = b"\x00\x00\x00\x00\x04\x0a\x02\xff\xfe";
    let status = raw(&world, ISSUE, &[], body).await;
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::InvalidArgument, "INVALID_FIELD")
    );
    assert_eq!(status.message(), "cannot decode the request message");
}

#[tokio::test]
async fn a_path_that_nobody_declared_is_unimplemented_and_so_is_a_declared_one_that_nobody_serves() {
    let world = Setup::default().start().await;
    let unimplemented = (Code::Unimplemented, "UNIMPLEMENTED".to_owned());
    for path in [
        "/bailiwick.identity.v1.TokenService/Nothing",
        "/other.Service/Get",
        "/",
        "/x",
        // A service of test builds, which this server is not.
        "/bailiwick.testing.v1.NoopService/Noop",
    ] {
        let status = raw(&world, path, &[], EMPTY).await;
        assert_eq!((status.code(), reason(&status)), unimplemented, "{path}");
        assert_eq!(status.message(), format!("unknown method `{path}`"));
    }
    let status = raw(&world, "/grpc.health.v1.Health/Nothing", &[], EMPTY).await;
    assert_eq!((status.code(), reason(&status)), unimplemented);
    assert_eq!(status.message(), "unknown method");
    let elsewhere = "/bailiwick.identity.v1.AuthenticationService/SignIn";
    let status = raw(&world, elsewhere, &[], EMPTY).await;
    assert_eq!((status.code(), reason(&status)), unimplemented);
    let text = format!("method `{elsewhere}` is not served here: its service runs in another process");
    assert_eq!(status.message(), text);
    // One that asks for credentials asks for them first.
    let status = raw(&world, "/bailiwick.identity.v1.UserService/GetUser", &[], EMPTY).await;
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_request_larger_than_allowed_names_the_setting() {
    let mut setup = Setup::default();
    setup.config.max_message_bytes = 100;
    let world = setup.start().await;
    let request = |length| bailiwick_proto::identity::v1::IssueTokenRequest {
        client_id: "x".repeat(length),
        ..Default::default()
    };
    let compressed = || world.client().send_compressed(CompressionEncoding::Gzip);
    world.client().issue_token(request(50)).await.unwrap();
    compressed().issue_token(request(90)).await.unwrap();
    // Compressed, both are short: what counts is what the server has to hold.
    let refused = [
        world.client().issue_token(request(200)).await.unwrap_err(),
        compressed().issue_token(request(200)).await.unwrap_err(),
    ];
    for status in refused {
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::ResourceExhausted, "TOO_MANY")
        );
        let text = "the request message is longer than the setting `server.max_message_bytes` allows";
        assert_eq!(status.message(), text);
    }
}

#[tokio::test]
async fn a_limit_above_that_of_the_library_is_applied_too() {
    let mut setup = Setup::default();
    setup.config.max_message_bytes = 8 << 20;
    let world = setup.start().await;
    let request = bailiwick_proto::identity::v1::IssueTokenRequest {
        client_id: "x".repeat(6 << 20),
        ..Default::default()
    };
    world.client().issue_token(request).await.unwrap();
}
