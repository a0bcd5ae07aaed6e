//! The callers of steps and their tokens.

use bailiwick_proto::{
    identity::v1::{ReauthenticateRequest, SignInRequest},
    tenancy::v1::ListWorkspacesResponse,
};
use tonic::Code;

use crate::{failed, options, run, support::ok};

#[tokio::test]
async fn a_user_acts_with_a_token_for_the_account_of_the_request_or_another_of_its_own() {
    let steps = r#"
  - {as: amy, list_workspaces: {in: "account:acme"}, expect: []}
  - {as: joe, list_workspaces: {in: "account:acme"}, expect: []}
  - {as: amy, list_workspaces: {in: "account:acme"}, expect: []}
"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "ListWorkspaces" => Some(ok(ListWorkspacesResponse::default())),
        _ => None,
    })
    .await;
    assert!(report.passed(), "{report}");
    let by: Vec<_> = calls
        .iter()
        .filter(|call| call.method() == "ListWorkspaces")
        .filter_map(|call| call.header("authorization"))
        .collect();
    assert_eq!(
        by,
        [
            "Bearer amy@example.com in real_Acme",
            "Bearer joe@example.com in real_Other",
            "Bearer amy@example.com in real_Acme"
        ]
    );
    assert_eq!(calls.iter().filter(|call| call.method() == "SignIn").count(), 2);
}

#[tokio::test]
async fn a_user_who_cannot_sign_in_for_the_account_acts_without_one() {
    let steps = r#"
  - {as: amy, list_workspaces: {in: "account:acme"}, expect: PERMISSION_DENIED}
  - {as: amy, list_workspaces: {in: "account:acme"}, expect: PERMISSION_DENIED}
"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "SignIn" if !call.read::<SignInRequest>().account.is_empty() => {
            Some(failed(Code::Unauthenticated, "CREDENTIALS_INVALID"))
        }
        "ListWorkspaces" => Some(failed(Code::PermissionDenied, "PERMISSION_DENIED")),
        _ => None,
    })
    .await;
    assert!(report.passed(), "{report}");
    assert_eq!(
        calls.last().and_then(|call| call.header("authorization")),
        Some("Bearer amy@example.com in ")
    );
    let refused = calls
        .iter()
        .filter(|call| call.method() == "SignIn" && !call.read::<SignInRequest>().account.is_empty());
    assert_eq!(
        refused.count(),
        1,
        "a refused sign-in counts as a guess: it is not repeated"
    );
}

#[tokio::test]
async fn the_first_error_of_a_transfer_is_its_result() {
    let steps = r#"
  - {as: olga, transfer_ownership: {scope: "account:acme", to: amy, password: wrong}, expect: UNAUTHENTICATED}
  - {as: olga, transfer_ownership: {scope: "account:acme", to: amy, password: right}, expect: FAILED_PRECONDITION}
"#;
    let (report, calls) = run(steps, &options(), |call| match call.method() {
        "Reauthenticate" => {
            let request: ReauthenticateRequest = call.read();
            assert_eq!(
                request.method,
                "bailiwick.authorization.v1.BindingService/TransferOwnership"
            );
            (request.password != "a secret of the tests-olga")
                .then(|| failed(Code::Unauthenticated, "CREDENTIALS_INVALID"))
        }
        "TransferOwnership" => Some(failed(Code::FailedPrecondition, "NOT_A_MEMBER")),
        _ => None,
    })
    .await;
    assert!(report.passed(), "{report}");
    assert_eq!(
        calls
            .iter()
            .filter(|call| call.method() == "TransferOwnership")
            .count(),
        1
    );
}
