//! Steps that are repeated, and steps whose methods are not implemented.

use std::sync::atomic::{AtomicUsize, Ordering};

use bailiwick_proto::authorization::v1::{AssignRoleResponse, Decision};
use bailiwick_scenario::Options;

use crate::{
    decision, options, run,
    support::{Answer, Call, ok},
};

#[tokio::test]
async fn without_tokens_a_step_is_repeated_while_its_answer_differs() {
    let steps = r#"  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}"#;
    let late = || {
        let asked = AtomicUsize::new(0);
        move |call: &Call| match call.method() {
            "Check" if asked.fetch_add(1, Ordering::SeqCst) < 3 => decision(Decision::Deny),
            "Check" => decision(Decision::Allow),
            _ => None,
        }
    };
    let (report, _) = run(
        steps,
        &Options {
            no_tokens: true,
            ..options()
        },
        late(),
    )
    .await;
    assert!(report.passed(), "{report}");
    let (report, _) = run(steps, &options(), late()).await;
    assert_eq!(report.failures.len(), 1, "with tokens the first answer counts");
}

#[tokio::test]
async fn without_tokens_a_write_that_was_answered_ok_is_not_repeated() {
    let steps = r#"  - {revoke: {user: amy, role: admin, on: "account:acme"}, expect: FAILED_PRECONDITION}"#;
    let (report, calls) = run(
        steps,
        &Options {
            no_tokens: true,
            ..options()
        },
        |call| (call.method() == "RevokeRole").then(|| ok(AssignRoleResponse::default())),
    )
    .await;
    assert_eq!(report.failures[0].came, "ok");
    assert_eq!(
        calls.iter().filter(|call| call.method() == "RevokeRole").count(),
        1
    );
}

const UNIMPLEMENTED: &str = r#"
  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}
  - {seats: {account: acme}, expect: {limit: 0, used: 2, ending: 0}}
  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}
  - {unregister: {resource: "chart:c1"}, expect: ok}
  - {check: {user: amy, permission: chart.edit, on: "chart:c1"}, expect: allow}
"#;

fn allow(call: &Call) -> Option<Answer> {
    (call.method() == "Check")
        .then(|| decision(Decision::Allow))
        .flatten()
}

#[tokio::test]
async fn a_step_whose_method_is_not_implemented_is_counted_apart() {
    let (report, _) = run(UNIMPLEMENTED, &options(), allow).await;
    assert_eq!(
        (report.held, report.failures.len(), report.unsupported.len()),
        (3, 0, 2)
    );
    assert!(!report.passed());
    assert!(report.unsupported[0].message.contains("MemberService/GetSeats"));
    assert!(
        report.unsupported[1]
            .message
            .contains("ResourceService/UnregisterResource")
    );
}

#[tokio::test]
async fn a_verb_whose_method_has_no_messages_is_unsupported_without_a_call() {
    let steps = r"  - {sign_up: {user: new, email: new@example.com, account: made, title: Made}, expect: ok}";
    let (report, _) = run(steps, &options(), |_| None).await;
    assert_eq!(
        report.unsupported[0].message,
        "method `SignUpService/SignUp` is not implemented in this version"
    );
}

#[tokio::test]
async fn where_unsupported_steps_are_allowed_nothing_runs_after_the_first_that_writes() {
    let (report, _) = run(
        UNIMPLEMENTED,
        &Options {
            allow_unsupported: true,
            ..options()
        },
        allow,
    )
    .await;
    assert_eq!((report.held, report.unsupported.len()), (2, 2));
    assert_eq!(report.skipped, [18]);
    assert!(report.passed(), "{report}");
}
