//! `AuthenticationService` and step-ups.

use std::time::Duration;

use bailiwick_proto::identity::v1 as pb;
use bailiwick_types::{Service, UserId};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{Bed, PASSWORD, Suite, access, account, bearer, on_both_engines, refresh, refused};

on_both_engines! {
    a_member_signs_in_for_an_account
    unknown_and_wrong_answer_alike
    a_refresh_token_serves_once
    a_refresh_token_that_is_used_twice_ends_the_session
    one_of_two_refreshes_at_once_loses
    signing_out_ends_the_session
    a_step_up_serves_once_within_five_minutes
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
    refreshed(&suite, &next.refresh_token).await.unwrap();
    assert_eq!(
        refused(refreshed(&suite, "bwr_unknown").await).1,
        "CREDENTIALS_INVALID"
    );
}

async fn a_refresh_token_that_is_used_twice_ends_the_session(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let next = refreshed(&suite, &refresh(&signed_in)).await.unwrap();
    own_profile(&suite, ada, &next.access_token).await.unwrap();
    assert_eq!(
        refused(refreshed(&suite, &refresh(&signed_in)).await).1,
        "CREDENTIALS_INVALID"
    );
    assert_eq!(
        refused(refreshed(&suite, &next.refresh_token).await).1,
        "CREDENTIALS_INVALID"
    );
    assert_eq!(
        refused(own_profile(&suite, ada, &next.access_token).await).1,
        "CREDENTIALS_INVALID"
    );
}

async fn one_of_two_refreshes_at_once_loses(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let token = refresh(&signed_in);
    let (one, two) = tokio::join!(refreshed(&suite, &token), refreshed(&suite, &token));
    let good: Vec<_> = [one, two].into_iter().flatten().collect();
    assert_eq!(good.len(), 1);
    assert_eq!(
        refused(refreshed(&suite, &good[0].refresh_token).await).1,
        "CREDENTIALS_INVALID"
    );
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

async fn a_step_up_serves_once_within_five_minutes(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let token = access(&signed_in);
    let consume = || suite_consume(&suite, &signed_in.session);
    let again = |password: &str| {
        let message = pb::ReauthenticateRequest {
            password: password.to_owned(),
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
    consume().await.unwrap();
    assert_eq!(refused(consume().await), missing, "used up");
    again(PASSWORD).await.unwrap();
    let (one, two) = tokio::join!(consume(), consume());
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
    again(PASSWORD).await.unwrap();
    suite.bed.clock.advance(Duration::from_secs(301));
    assert_eq!(refused(consume().await), missing, "too old");
    let message = pb::ConsumeStepUpRequest {
        session: signed_in.session.clone(),
    };
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

async fn suite_consume(suite: &Suite, session: &str) -> Result<(), tonic::Status> {
    let message = pb::ConsumeStepUpRequest {
        session: session.to_owned(),
    };
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
    let message = pb::ConsumeStepUpRequest { session };
    let by_operator = || suite.root(message.clone());
    let answer = suite.sessions_inside().consume_step_up(by_operator()).await;
    assert_eq!(refused(answer).0, Code::Unauthenticated);
    let answer = suite.sessions().consume_step_up(by_operator()).await;
    assert_eq!(refused(answer).0, Code::Unimplemented);
    assert_eq!(suite.db.service(), Service::Identity);
}
