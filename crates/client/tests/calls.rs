//! What the client sends and makes of the answers, against a server that answers from a function.

#![allow(clippy::expect_used, reason = "helpers of tests fail like tests")]

mod support;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bailiwick_client::{Client, Credentials, Endpoints, Error, Patience, TokenJar};
use bailiwick_proto::{
    authorization::v1::{AssignRoleRequest, AssignRoleResponse, CheckRequest, CheckResponse, Decision},
    identity::v1::{
        IssueTokenResponse, RefreshResponse, SecondFactorChallenge, SignInRequest, SignInResponse, TokenPair,
    },
    tenancy::v1::{CreateWorkspaceRequest, CreateWorkspaceResponse},
};
use secrecy::ExposeSecret;
use support::{Call, Fake, ok};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

fn token(revision: u64) -> String {
    format!("opaque-{revision}")
}

fn allow() -> CheckResponse {
    CheckResponse {
        decision: Decision::Allow.into(),
        ..Default::default()
    }
}

fn reason(code: Code, reason: &str) -> Status {
    Status::with_error_details(
        code,
        "no",
        ErrorDetails::with_error_info(reason, "bailiwick", HashMap::new()),
    )
}

fn later() -> Status {
    let mut details = ErrorDetails::with_error_info("NOT_YET_VISIBLE", "bailiwick", HashMap::new());
    details.set_retry_info(Some(std::time::Duration::from_millis(1)));
    Status::with_error_details(Code::Unavailable, "not yet visible", details)
}

fn pair(access: &str) -> Option<TokenPair> {
    Some(TokenPair {
        access_token: access.to_owned(),
        refresh_token: format!("refresh of {access}"),
        ..Default::default()
    })
}

fn client(fake: &Fake) -> Client {
    Client::lazy(&Endpoints::one(fake.url())).expect("an address")
}

fn of_password(fake: &Fake) -> Client {
    let credentials = Credentials::password(
        "amy@example.com",
        "a password of hers".to_owned().into(),
        Some("acct_1".into()),
    );
    client(fake).with_credentials(credentials)
}

#[tokio::test]
async fn the_token_of_an_answer_goes_with_every_later_request() {
    let fake = Fake::start(|call| match call.method() {
        "AssignRole" => ok(AssignRoleResponse {
            token: token(7),
            ..Default::default()
        }),
        _ => ok(allow()),
    })
    .await;
    let client = client(&fake);
    let mut decision = client.authorization().decision();
    decision.check(CheckRequest::default()).await.expect("answered");
    client
        .authorization()
        .binding()
        .assign_role(AssignRoleRequest::default())
        .await
        .expect("answered");
    decision.check(CheckRequest::default()).await.expect("answered");
    let sent: Vec<_> = fake
        .calls()
        .iter()
        .map(|c| c.header("bailiwick-token").map(str::to_owned))
        .collect();
    assert_eq!(sent, [None, None, Some(token(7))]);
}

#[tokio::test]
async fn tokens_of_calls_side_by_side_go_in_a_header_each_until_a_response_has_them_all_in_one() {
    let fake = Fake::start(|_| ok(allow())).await;
    let client = client(&fake);
    client.tokens().observe("one");
    client.tokens().observe("two");
    let mut decision = client.authorization().decision();
    for _ in 0..2 {
        decision.check(CheckRequest::default()).await.expect("answered");
    }
    let sent = |n: usize| {
        let calls = fake.calls();
        let values = calls[n].headers.get_all("bailiwick-token").iter();
        values
            .map(|value| value.to_str().expect("a text").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(sent(0), ["one", "two"]);
    assert_eq!(sent(1), ["one+two"]);
}

#[tokio::test]
async fn clients_of_several_callers_share_tokens_unless_they_are_given_others() {
    let fake = Fake::start(|call| match call.method() {
        "AssignRole" => ok(AssignRoleResponse {
            token: token(7),
            ..Default::default()
        }),
        _ => ok(allow()),
    })
    .await;
    let client = client(&fake);
    let other = client.with_credentials(Credentials::Bearer("t".to_owned().into()));
    let apart = client.clone().with_tokens(TokenJar::default());
    client
        .authorization()
        .binding()
        .assign_role(AssignRoleRequest::default())
        .await
        .expect("answered");
    other
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect("answered");
    apart
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect("answered");
    let calls = fake.calls();
    assert_eq!(calls[1].header("bailiwick-token"), Some(token(7).as_str()));
    assert_eq!(calls[1].header("authorization"), Some("Bearer t"));
    assert_eq!(calls[2].header("bailiwick-token"), None);
}

#[tokio::test]
async fn a_read_is_repeated_where_the_server_says_that_it_helps() {
    let tries = AtomicUsize::new(0);
    let fake = Fake::start(move |_| match tries.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => Err(later()),
        _ => ok(allow()),
    })
    .await;
    let answer = client(&fake)
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect("answered");
    assert_eq!(answer.get_ref().decision(), Decision::Allow);
    assert_eq!(fake.calls().len(), 3);
}

#[tokio::test]
async fn a_write_that_takes_a_request_id_is_repeated_only_with_one() {
    fn answer() -> impl Fn(&Call) -> support::Answer + Send + Sync + 'static {
        let tries = AtomicUsize::new(0);
        move |_| match tries.fetch_add(1, Ordering::SeqCst) {
            0 => Err(later()),
            _ => ok(CreateWorkspaceResponse::default()),
        }
    }
    let bare = Fake::start(answer()).await;
    let status = client(&bare)
        .tenancy()
        .workspace()
        .create_workspace(CreateWorkspaceRequest::default())
        .await
        .expect_err("not repeated");
    assert_eq!(Error::from(status).reason(), Some("NOT_YET_VISIBLE"));
    assert_eq!(bare.calls().len(), 1);

    let known = Fake::start(answer()).await;
    let request = CreateWorkspaceRequest {
        request_id: "0198a6a0-0000-7000-8000-000000000001".into(),
        ..Default::default()
    };
    client(&known)
        .tenancy()
        .workspace()
        .create_workspace(request)
        .await
        .expect("repeated");
    assert_eq!(known.calls().len(), 2);
}

#[tokio::test]
async fn unavailable_without_retry_info_is_not_repeated() {
    let fake = Fake::start(|_| Err(Status::unavailable("gone"))).await;
    let status = client(&fake)
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect_err("gone");
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn a_call_that_was_never_sent_is_tried_again_until_the_server_is_there() {
    let gone = Fake::start(|_| ok(CreateWorkspaceResponse::default())).await;
    let url = gone.url();
    drop(gone);
    let client = Client::lazy(&Endpoints::one(url.clone())).expect("an endpoint");
    let hasty = client.clone().with_patience(Patience {
        connect: Duration::ZERO,
        ..Patience::default()
    });
    let write = |client: &Client| {
        let mut service = client.tenancy().workspace();
        async move { service.create_workspace(CreateWorkspaceRequest::default()).await }
    };
    let status = write(&hasty).await.expect_err("nobody listens");
    assert_eq!(status.code(), Code::Unavailable);

    let back = async {
        // Until the first attempt has failed.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let address = url.trim_start_matches("http://");
        Fake::start_at(address, |_| ok(CreateWorkspaceResponse::default())).await
    };
    let (answer, fake) = tokio::join!(write(&client), back);
    answer.expect("answered after all");
    assert_eq!(fake.calls().len(), 1);
}

#[tokio::test]
async fn a_user_signs_in_once_for_many_calls() {
    let fake = Fake::start(|call| match call.method() {
        "SignIn" => ok(SignInResponse {
            tokens: pair("one"),
            ..Default::default()
        }),
        _ => ok(allow()),
    })
    .await;
    let client = of_password(&fake);
    for _ in 0..3 {
        client
            .authorization()
            .decision()
            .check(CheckRequest::default())
            .await
            .expect("answered");
    }
    assert_eq!(fake.methods(), ["SignIn", "Check", "Check", "Check"]);
    let calls = fake.calls();
    let sign_in: SignInRequest = calls[0].read();
    assert_eq!(
        (sign_in.email.as_str(), sign_in.account.as_str()),
        ("amy@example.com", "acct_1")
    );
    assert_eq!(calls[0].header("authorization"), None);
    assert_eq!(calls[3].header("authorization"), Some("Bearer one"));
}

#[tokio::test]
async fn a_refused_token_is_refreshed_and_the_call_repeated_once() {
    let fake = Fake::start(|call| match (call.method(), call.header("authorization")) {
        ("SignIn", _) => ok(SignInResponse {
            tokens: pair("one"),
            ..Default::default()
        }),
        ("Refresh", _) => ok(RefreshResponse { tokens: pair("two") }),
        (_, Some("Bearer two")) => ok(allow()),
        _ => Err(reason(Code::Unauthenticated, "CREDENTIALS_INVALID")),
    })
    .await;
    of_password(&fake)
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect("answered");
    assert_eq!(fake.methods(), ["SignIn", "Check", "Refresh", "Check"]);
}

#[tokio::test]
async fn a_user_whose_session_has_ended_signs_in_again_at_the_same_device() {
    let signed_in = AtomicUsize::new(0);
    let fake = Fake::start(move |call| match (call.method(), call.header("authorization")) {
        ("SignIn", _) => {
            let n = signed_in.fetch_add(1, Ordering::SeqCst);
            ok(SignInResponse {
                tokens: pair(&format!("session {n}")),
                device_token: format!("device {n}"),
                ..Default::default()
            })
        }
        ("Refresh", _) => Err(reason(Code::Unauthenticated, "CREDENTIALS_INVALID")),
        (_, Some("Bearer session 1")) => ok(allow()),
        _ => Err(reason(Code::Unauthenticated, "CREDENTIALS_INVALID")),
    })
    .await;
    let credentials = Credentials::password("amy@example.com", "a password of hers".to_owned().into(), None)
        .at_device("kept".to_owned().into());
    let client = client(&fake).with_credentials(credentials);
    client
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect("answered");
    assert_eq!(fake.methods(), ["SignIn", "Check", "Refresh", "SignIn", "Check"]);
    let calls = fake.calls();
    let devices = [0, 3].map(|n| calls[n].read::<SignInRequest>().device_token);
    assert_eq!(devices, ["kept", "device 0"]);
    let device = client.device_token().await;
    assert_eq!(device.as_ref().map(ExposeSecret::expose_secret), Some("device 1"));
}

#[tokio::test]
async fn a_missing_step_up_does_not_end_the_session() {
    let fake = Fake::start(|call| match call.method() {
        "SignIn" => ok(SignInResponse {
            tokens: pair("one"),
            ..Default::default()
        }),
        _ => Err(reason(Code::Unauthenticated, "STEP_UP_REQUIRED")),
    })
    .await;
    let status = of_password(&fake)
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect_err("refused");
    assert_eq!(Error::from(status).reason(), Some("STEP_UP_REQUIRED"));
    assert_eq!(fake.methods(), ["SignIn", "Check"]);
}

#[tokio::test]
async fn a_failed_sign_in_is_the_answer_of_the_call() {
    let fake = Fake::start(|_| Err(reason(Code::Unauthenticated, "CREDENTIALS_INVALID"))).await;
    let status = of_password(&fake)
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect_err("refused");
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(fake.methods(), ["SignIn"]);
}

#[tokio::test]
async fn a_service_account_gets_another_token_when_its_own_is_refused() {
    let issued = AtomicUsize::new(0);
    let fake = Fake::start(move |call| match (call.method(), call.header("authorization")) {
        ("IssueToken", _) => {
            let n = issued.fetch_add(1, Ordering::SeqCst);
            ok(IssueTokenResponse {
                access_token: format!("t{n}"),
                ..Default::default()
            })
        }
        (_, Some("Bearer t1")) => ok(allow()),
        _ => Err(reason(Code::Unauthenticated, "CREDENTIALS_INVALID")),
    })
    .await;
    let client = client(&fake).with_credentials(Credentials::client("svc_1", "a secret".to_owned().into()));
    client
        .authorization()
        .decision()
        .check(CheckRequest::default())
        .await
        .expect("answered");
    assert_eq!(fake.methods(), ["IssueToken", "Check", "IssueToken", "Check"]);
}

#[test]
fn no_secret_is_printed() {
    let credentials = Credentials::password("amy@example.com", "a password of hers".to_owned().into(), None);
    assert!(!format!("{credentials:?}").contains("a password"));
}

#[tokio::test]
async fn a_sign_in_that_needs_a_second_factor_says_what_to_do() {
    let fake = Fake::start(|call| match call.method() {
        "SignIn" => ok(SignInResponse {
            challenge: Some(SecondFactorChallenge::default()),
            ..Default::default()
        }),
        _ => ok(allow()),
    })
    .await;
    let by = Credentials::password("ada@example.com", "a password".to_owned().into(), None);
    let client = client(&fake).with_credentials(by);
    let mut decision = client.authorization().decision();
    let refused = decision
        .check(CheckRequest::default())
        .await
        .expect_err("refused");
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(refused.message().contains("VerifySecondFactor"), "{refused}");
    assert_eq!(fake.methods(), ["SignIn"]);
}
