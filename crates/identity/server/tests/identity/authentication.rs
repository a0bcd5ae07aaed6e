//! `AuthenticationService` and step-ups.

use std::time::Duration;

use bailiwick_proto::identity::v1 as pb;
use bailiwick_types::{Service, UserId};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{
    Bed, PASSWORD, Suite, access, account, bearer, fields, on_both_engines, refresh, refused,
};

on_both_engines! {
    a_member_signs_in_for_an_account
    unknown_and_wrong_answer_alike
    a_refresh_token_serves_once
    a_lost_answer_is_replaced_and_its_access_token_is_refused
    a_refresh_token_that_is_used_after_its_child_ends_the_session
    of_a_hundred_refreshes_at_once_one_goes_on
    signing_out_ends_the_session
    a_step_up_serves_one_call_of_its_method_within_five_minutes
    the_same_call_needs_no_other_step_up
    a_client_learns_when_to_retry_after_too_many_wrong_passwords
    a_process_that_starts_knows_what_ended_before
}

async fn refreshed(suite: &Suite, token: &str) -> Result<pb::TokenPair, tonic::Status> {
    let message = pb::RefreshRequest {
        refresh_token: token.to_owned(),
    };
    Ok(suite
        .authentication()
        .refresh(message)
        .await?
        .into_inner()
        .tokens
        .unwrap())
}

async fn own_profile(suite: &Suite, user: UserId, token: &str) -> Result<(), tonic::Status> {
    let message = pb::GetUserRequest {
        user: user.to_string(),
    };
    suite.users().get_user(bearer(message, token)).await.map(drop)
}

async fn a_member_signs_in_for_an_account(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    suite
        .authorization
        .members
        .lock()
        .unwrap()
        .insert((account(1), ada));
    let signed_in = suite
        .sign_in("ADA@example.com", PASSWORD, Some(account(1)))
        .await
        .unwrap();
    assert_eq!(signed_in.user, ada.to_string());
    let caller = suite.authenticator.verify(&access(&signed_in)).await.unwrap();
    assert_eq!(caller.account(), Some(account(1)));
    assert_eq!(caller.subject().unwrap().user_id(), Some(ada));
    assert_eq!(caller.session().unwrap().to_string(), signed_in.session);
    let tokens = signed_in.tokens.unwrap();
    let now = 1_767_603_600;
    assert_eq!(tokens.access_expire_time.unwrap().seconds, now + 300);
    assert_eq!(tokens.session_expire_time.unwrap().seconds, now + 3 * 86_400);
    let elsewhere = suite.sign_in("ada@example.com", PASSWORD, Some(account(2))).await;
    let wrong = (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned());
    assert_eq!(
        refused(elsewhere),
        wrong,
        "the password is right, and nobody learns it"
    );
    let without = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    assert_eq!(
        suite
            .authenticator
            .verify(&access(&without))
            .await
            .unwrap()
            .account(),
        None
    );
    suite.bed.clock.advance(Duration::from_secs(301));
    assert_eq!(
        refused(own_profile(&suite, ada, &access(&without)).await).1,
        "CREDENTIALS_INVALID"
    );
}

async fn unknown_and_wrong_answer_alike(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let bare = pb::CreateUserRequest {
        email: "bare@example.com".to_owned(),
        ..Default::default()
    };
    suite.users().create_user(suite.root(bare)).await.unwrap();
    let mut answers = Vec::new();
    for email in ["ada@example.com", "bare@example.com", "nobody@example.com"] {
        let status = suite.sign_in(email, "a wrong password", None).await.unwrap_err();
        answers.push((
            status.code(),
            status.message().to_owned(),
            status.details().to_vec(),
        ));
    }
    assert_eq!(answers[0].0, Code::Unauthenticated);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    let text = bailiwick_rpc::metrics::text();
    assert!(
        text.contains("bailiwick_identity_sign_ins_total{outcome=\"wrong\"}"),
        "{text}"
    );
    assert!(!text.contains("example.com"), "metrics carry no addresses");
}

async fn a_refresh_token_serves_once(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    suite
        .authorization
        .members
        .lock()
        .unwrap()
        .insert((account(1), ada));
    let signed_in = suite
        .sign_in("ada@example.com", PASSWORD, Some(account(1)))
        .await
        .unwrap();
    let next = refreshed(&suite, &refresh(&signed_in)).await.unwrap();
    let caller = suite.authenticator.verify(&next.access_token).await.unwrap();
    assert_eq!(caller.account(), Some(account(1)));
    assert_eq!(caller.session().unwrap().to_string(), signed_in.session);
    let early = refreshed(&suite, &next.refresh_token).await.unwrap_err();
    assert_eq!(early.code(), Code::ResourceExhausted);
    let wait = early.get_error_details().retry_info().unwrap().retry_delay;
    assert_eq!(wait, Some(Duration::from_secs(1)));
    suite.bed.clock.advance(Duration::from_secs(1));
    refreshed(&suite, &next.refresh_token).await.unwrap();
    assert_eq!(
        refused(refreshed(&suite, "bwr_unknown").await).1,
        "CREDENTIALS_INVALID"
    );
}

async fn a_lost_answer_is_replaced_and_its_access_token_is_refused(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let lost = refreshed(&suite, &refresh(&signed_in)).await.unwrap();
    own_profile(&suite, ada, &lost.access_token).await.unwrap();
    suite.bed.clock.advance(Duration::from_secs(1));
    let next = refreshed(&suite, &refresh(&signed_in)).await.unwrap();
    assert_eq!(
        refused(own_profile(&suite, ada, &lost.access_token).await).1,
        "CREDENTIALS_INVALID"
    );
    own_profile(&suite, ada, &next.access_token).await.unwrap();
    // A process that starts later has not heard of it.
    let again = suite.another().await;
    assert!(again.verify(&lost.access_token).await.is_err());
    again.verify(&next.access_token).await.unwrap();
    suite.bed.clock.advance(Duration::from_secs(1));
    refreshed(&suite, &next.refresh_token).await.unwrap();
}

async fn a_refresh_token_that_is_used_after_its_child_ends_the_session(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let next = refreshed(&suite, &refresh(&signed_in)).await.unwrap();
    suite.bed.clock.advance(Duration::from_secs(1));
    let last = refreshed(&suite, &next.refresh_token).await.unwrap();
    own_profile(&suite, ada, &last.access_token).await.unwrap();
    for token in [&refresh(&signed_in), &last.refresh_token] {
        assert_eq!(refused(refreshed(&suite, token).await).1, "CREDENTIALS_INVALID");
    }
    assert_eq!(
        refused(own_profile(&suite, ada, &last.access_token).await).1,
        "CREDENTIALS_INVALID"
    );
}

async fn of_a_hundred_refreshes_at_once_one_goes_on(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let token = refresh(&signed_in);
    let all = (0..100).map(|_| refreshed(&suite, &token));
    let all: Vec<_> = futures_util::future::join_all(all).await;
    let (good, limited): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    assert_eq!((good.len(), limited.len()), (1, 99));
    for answer in limited {
        assert_eq!(refused(answer).0, Code::ResourceExhausted);
    }
    suite.bed.clock.advance(Duration::from_secs(1));
    let next = good.into_iter().next().unwrap().unwrap();
    refreshed(&suite, &next.refresh_token).await.unwrap();
}

async fn signing_out_ends_the_session(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let other = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let token = access(&signed_in);
    own_profile(&suite, ada, &token).await.unwrap();
    suite
        .authentication()
        .sign_out(bearer(pb::SignOutRequest {}, &token))
        .await
        .unwrap();
    assert_eq!(
        refused(own_profile(&suite, ada, &token).await).1,
        "CREDENTIALS_INVALID"
    );
    assert_eq!(
        refused(refreshed(&suite, &refresh(&signed_in)).await).1,
        "CREDENTIALS_INVALID"
    );
    own_profile(&suite, ada, &access(&other)).await.unwrap();
    let answer = suite.authentication().sign_out(pb::SignOutRequest {}).await;
    assert_eq!(refused(answer).1, "CREDENTIALS_MISSING");
}

/// The method that the step-ups of these tests are for.
const METHOD: &str = "bailiwick.identity.v1.OperatorService/GrantOperator";

async fn a_step_up_serves_one_call_of_its_method_within_five_minutes(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let token = access(&signed_in);
    // Each call has another request.
    let calls = std::sync::atomic::AtomicU8::new(0);
    let consume = || {
        let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        suite_consume(&suite, consumption(&signed_in.session, METHOD, call))
    };
    let again = |password: &str| {
        let message = pb::ReauthenticateRequest {
            password: password.to_owned(),
            method: METHOD.to_owned(),
            ..Default::default()
        };
        let request = bearer(message, &token);
        let mut client = suite.authentication();
        async move { client.reauthenticate(request).await }
    };
    let missing = (Code::FailedPrecondition, "STEP_UP_REQUIRED".to_owned());
    assert_eq!(refused(consume().await), missing, "a sign-in is none");
    assert_eq!(refused(again("a wrong password").await).0, Code::Unauthenticated);
    assert_eq!(refused(consume().await), missing);
    let until = again(PASSWORD).await.unwrap().into_inner().expire_time.unwrap();
    assert_eq!(until.seconds, 1_767_603_600 + 300);
    let revoke = "bailiwick.identity.v1.OperatorService/RevokeOperator";
    let other = suite_consume(&suite, consumption(&signed_in.session, revoke, 1)).await;
    assert_eq!(refused(other), missing, "made for another method");
    let unknown = suite_consume(&suite, consumption(&signed_in.session, "unknown", 1)).await;
    assert_eq!(
        refused(unknown),
        missing,
        "newer services may have methods that identity does not know"
    );
    consume().await.unwrap();
    assert_eq!(refused(consume().await), missing, "used up");
    again(PASSWORD).await.unwrap();
    let (one, two) = tokio::join!(consume(), consume());
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    again(PASSWORD).await.unwrap();
    suite.bed.clock.advance(Duration::from_secs(301));
    assert_eq!(refused(consume().await), missing, "too old");
    let message = consumption(&signed_in.session, METHOD, 1);
    let answer = suite
        .sessions_inside()
        .consume_step_up(suite.root(message.clone()))
        .await;
    assert_eq!(
        refused(answer).0,
        Code::Unauthenticated,
        "an access token counts for nothing there"
    );
    let answer = suite.sessions().consume_step_up(suite.inside(message)).await;
    assert_eq!(
        refused(answer).0,
        Code::Unimplemented,
        "no other listener has the method"
    );
}

async fn the_same_call_needs_no_other_step_up(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let again = pb::ReauthenticateRequest {
        password: PASSWORD.to_owned(),
        method: METHOD.to_owned(),
        ..Default::default()
    };
    suite
        .authentication()
        .reauthenticate(suite.root(again.clone()))
        .await
        .unwrap();
    let grant = |subject: String| {
        let message = pb::GrantOperatorRequest { subject };
        let (mut operators, request) = (suite.operators(), suite.root(message));
        async move { operators.grant_operator(request).await }
    };
    // The answer is lost, and the client repeats the call.
    for _ in 0..3 {
        grant(format!("user:{ada}")).await.unwrap();
    }
    let bob = suite.user("bob@example.com").await;
    let other = grant(format!("user:{bob}")).await;
    assert_eq!(refused(other).1, "STEP_UP_REQUIRED", "another request");
    suite.bed.clock.advance(Duration::from_secs(61));
    let late = grant(format!("user:{ada}")).await;
    assert_eq!(refused(late).1, "STEP_UP_REQUIRED");
    for (odd, field) in [
        (
            pb::ReauthenticateRequest {
                method: String::new(),
                ..again.clone()
            },
            "method",
        ),
        (
            pb::ReauthenticateRequest {
                password: String::new(),
                ..again.clone()
            },
            "password",
        ),
        (
            pb::ReauthenticateRequest {
                code: "123456".to_owned(),
                ..again.clone()
            },
            "code",
        ),
        (
            pb::ReauthenticateRequest {
                password: String::new(),
                code: "12345a".to_owned(),
                ..again.clone()
            },
            "code",
        ),
    ] {
        let answer = suite.authentication().reauthenticate(suite.root(odd)).await;
        assert_eq!(fields(answer), [field]);
    }
}

fn consumption(session: &str, method: &str, request: u8) -> pb::ConsumeStepUpRequest {
    pb::ConsumeStepUpRequest {
        session: session.to_owned(),
        method: method.to_owned(),
        request_digest: vec![request; 32],
    }
}

async fn suite_consume(suite: &Suite, message: pb::ConsumeStepUpRequest) -> Result<(), tonic::Status> {
    suite
        .sessions_inside()
        .consume_step_up(suite.inside(message))
        .await
        .map(drop)
}

async fn a_client_learns_when_to_retry_after_too_many_wrong_passwords(bed: Bed) {
    let suite = Suite::start(bed).await;
    let email = "unknown@example.com";
    for _ in 0..10 {
        let answer = suite.sign_in(email, "a wrong password", None).await;
        assert_eq!(refused(answer).0, Code::Unauthenticated);
    }
    suite.bed.clock.advance(Duration::from_mins(1));
    let status = suite.sign_in(email, PASSWORD, None).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let details = status.get_error_details();
    let retry = details.retry_info().unwrap();
    assert_eq!(retry.retry_delay, Some(Duration::from_mins(14)));
}

async fn a_process_that_starts_knows_what_ended_before(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let other = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let out = bearer(pb::SignOutRequest {}, &access(&signed_in));
    suite.authentication().sign_out(out).await.unwrap();
    let again = suite.another().await;
    assert!(again.verify(&access(&signed_in)).await.is_err());
    again.verify(&access(&other)).await.unwrap();
}

#[tokio::test]
async fn a_method_of_the_suite_is_for_the_suite_alone() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let session = bailiwick_types::SessionId::from_uuid(uuid::Uuid::from_u128(1)).to_string();
    let message = consumption(&session, METHOD, 1);
    let by_operator = || suite.root(message.clone());
    let answer = suite.sessions_inside().consume_step_up(by_operator()).await;
    assert_eq!(refused(answer).0, Code::Unauthenticated);
    let answer = suite.sessions().consume_step_up(by_operator()).await;
    assert_eq!(refused(answer).0, Code::Unimplemented);
    assert_eq!(suite.db.service(), Service::Identity);
}
