//! What is given is set up before the first step, by the operator.

use std::sync::atomic::{AtomicUsize, Ordering};

use bailiwick_proto::{
    authorization::v1::{AssignRoleRequest, RegisterResourceRequest},
    identity::v1::CreateUserRequest,
};
use bailiwick_scenario::Options;
use tonic::Code;

use crate::{failed, options, run, support::Call};

#[tokio::test]
async fn given_is_set_up_by_the_operator_in_the_order_of_the_format() {
    let (report, calls) = run("  - {advance: 1m}\n", &options(), |_| None).await;
    assert!(report.passed(), "{report}");
    let methods: Vec<_> = calls.iter().map(Call::method).collect();
    assert_eq!(
        methods,
        [
            "ListProducts",
            "CreateUser",
            "CreateUser",
            "CreateUser",
            "CreateAccount",
            "CreateWorkspace",
            "CreateWorkspace",
            "CreateAccount",
            "CreateMember",
            "CreateMember",
            "AssignRole",
            "RegisterResource",
        ]
    );
    assert!(
        calls
            .iter()
            .all(|call| call.header("authorization") == Some("Bearer operator"))
    );
    let assign: AssignRoleRequest = calls[10].read();
    assert_eq!(
        (assign.account.as_str(), assign.subject.as_str()),
        ("real_Acme", "user:real_amy")
    );
    assert!(format!("{:?}", assign.parameters).contains("\"real_joe\""));
    let register: RegisterResourceRequest = calls[11].read();
    assert_eq!(
        (register.scope.as_str(), register.owner.as_deref()),
        ("workspace:real_Athens", Some(""))
    );
}

#[tokio::test]
async fn a_run_begins_when_the_operator_is_replicated_to_authorization() {
    let asked = AtomicUsize::new(0);
    let (report, calls) = run("  - {advance: 1m}\n", &options(), move |call| {
        match call.method() {
            "ListProducts" if asked.fetch_add(1, Ordering::SeqCst) < 2 => {
                Some(failed(Code::PermissionDenied, "PERMISSION_DENIED"))
            }
            _ => None,
        }
    })
    .await;
    assert!(report.passed(), "{report}");
    let first: Vec<_> = calls.iter().map(Call::method).take(4).collect();
    assert_eq!(
        first,
        ["ListProducts", "ListProducts", "ListProducts", "CreateUser"]
    );
}

#[tokio::test]
async fn a_run_tags_addresses_where_the_suite_keeps_its_users() {
    let tagged = Options {
        tag: Some("7".into()),
        ..options()
    };
    let (_, calls) = run("  - {advance: 1m}\n", &tagged, |_| None).await;
    let user: CreateUserRequest = calls[1].read();
    assert_eq!(user.email, "olga+7@example.com");
}

#[tokio::test]
async fn no_step_runs_after_a_refused_part_of_given() {
    let (report, _) = run("  - {advance: 1m}\n", &options(), |call| match call.method() {
        "AssignRole" => Some(failed(Code::InvalidArgument, "UNKNOWN_ROLE")),
        _ => None,
    })
    .await;
    assert_eq!(report.skipped, [13]);
    assert_eq!(
        (report.failures[0].line, report.failures[0].asked.as_str()),
        (10, "given: role admin on account:acme")
    );
}
