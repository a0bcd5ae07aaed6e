//! `SessionService`: own sessions, and those of others by operators.

use std::time::Duration;

use bailiwick_proto::identity::v1 as pb;
use tonic::{Code, Status};

use crate::support::{Bed, PASSWORD, Suite, access, bearer, on_both_engines, refused};

on_both_engines! {
    a_user_lists_and_ends_its_own_sessions
    others_see_and_end_nothing_and_operators_do
    the_oldest_session_ends_where_there_are_too_many
}

async fn list(
    suite: &Suite,
    token: &str,
    message: pb::ListSessionsRequest,
) -> Result<pb::ListSessionsResponse, Status> {
    let mut sessions = suite.sessions();
    let answer = sessions.list_sessions(bearer(message, token)).await?;
    Ok(answer.into_inner())
}

async fn own(suite: &Suite, token: &str) -> Vec<pb::Session> {
    list(suite, token, pb::ListSessionsRequest::default())
        .await
        .unwrap()
        .sessions
}

fn of(user: &impl ToString) -> pb::ListSessionsRequest {
    pb::ListSessionsRequest {
        user: user.to_string(),
        ..Default::default()
    }
}

async fn a_user_lists_and_ends_its_own_sessions(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let mut signed_in = Vec::new();
    for _ in 0..3 {
        signed_in.push(suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
        suite.bed.clock.advance(Duration::from_secs(1));
    }
    let [first, second, third] = &signed_in[..] else {
        unreachable!()
    };
    let token = access(third);
    let listed = own(&suite, &token).await;
    let ids: Vec<&str> = listed.iter().map(|one| one.session.as_str()).collect();
    assert_eq!(ids, [&third.session, &second.session, &first.session]);
    let current: Vec<bool> = listed.iter().map(|one| one.current).collect();
    assert_eq!(current, [true, false, false]);
    let newest = &listed[0];
    assert!(newest.user_agent.starts_with("tonic/"), "{newest:?}");
    assert_eq!(
        (&*newest.network, &newest.amr[..]),
        ("127.0.0.0/24", &["pwd".to_owned()][..])
    );
    let begun = newest.create_time.unwrap().seconds;
    assert_eq!(newest.last_use_time.unwrap().seconds, begun);
    assert_eq!(newest.expire_time.unwrap().seconds, begun + 3 * 86_400);
    let page = pb::ListSessionsRequest {
        page_size: 2,
        ..Default::default()
    };
    let one = list(&suite, &token, page.clone()).await.unwrap();
    assert_eq!(one.sessions.len(), 2);
    let next = pb::ListSessionsRequest {
        page_token: one.next_page_token,
        ..page
    };
    let two = list(&suite, &token, next).await.unwrap();
    assert_eq!((two.sessions.len(), &*two.next_page_token), (1, ""));

    let revoke = |session: &str| {
        let message = pb::RevokeSessionRequest {
            session: session.to_owned(),
            ..Default::default()
        };
        let (mut sessions, request) = (suite.sessions(), bearer(message, &token));
        async move { sessions.revoke_session(request).await }
    };
    revoke(&first.session).await.unwrap();
    revoke(&first.session).await.unwrap();
    assert_eq!(own(&suite, &token).await.len(), 2);
    let gone = list(&suite, &access(first), pb::ListSessionsRequest::default()).await;
    assert_eq!(refused(gone).1, "CREDENTIALS_INVALID");
    let again = suite.another().await;
    assert!(
        again.verify(&access(first)).await.is_err(),
        "also after a restart"
    );
    let message = pb::RevokeAllSessionsRequest {
        keep_current: true,
        ..Default::default()
    };
    let done = suite
        .sessions()
        .revoke_all_sessions(bearer(message, &token))
        .await
        .unwrap();
    assert_eq!(done.into_inner().ended, 1);
    let gone = list(&suite, &access(second), pb::ListSessionsRequest::default()).await;
    assert_eq!(refused(gone).1, "CREDENTIALS_INVALID");
    assert_eq!(own(&suite, &token).await.len(), 1);
    let all = pb::RevokeAllSessionsRequest::default();
    suite
        .sessions()
        .revoke_all_sessions(bearer(all, &token))
        .await
        .unwrap();
    let gone = list(&suite, &token, pb::ListSessionsRequest::default()).await;
    assert_eq!(refused(gone).1, "CREDENTIALS_INVALID");
}

async fn others_see_and_end_nothing_and_operators_do(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    suite.user("bob@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let bob = access(&suite.sign_in("bob@example.com", PASSWORD, None).await.unwrap());
    assert_eq!(
        refused(list(&suite, &bob, of(&ada)).await).0,
        Code::PermissionDenied
    );
    let revoke = |token: &str, user: String| {
        let message = pb::RevokeSessionRequest {
            session: signed_in.session.clone(),
            user,
        };
        let (mut sessions, request) = (suite.sessions(), bearer(message, token));
        async move { sessions.revoke_session(request).await }
    };
    assert_eq!(
        refused(revoke(&bob, ada.to_string()).await).0,
        Code::PermissionDenied
    );
    assert_eq!(
        refused(revoke(&bob, String::new()).await).0,
        Code::NotFound,
        "not one of its own"
    );
    let all = pb::RevokeAllSessionsRequest {
        user: ada.to_string(),
        ..Default::default()
    };
    let refusal = suite.sessions().revoke_all_sessions(bearer(all, &bob)).await;
    assert_eq!(refused(refusal).0, Code::PermissionDenied);
    assert_eq!(own(&suite, &access(&signed_in)).await.len(), 1);
    let seen = list(&suite, &suite.operator, of(&ada)).await.unwrap();
    assert_eq!(seen.sessions.len(), 1);
    assert!(!seen.sessions[0].current);
    revoke(&suite.operator, ada.to_string()).await.unwrap();
    let gone = list(&suite, &access(&signed_in), pb::ListSessionsRequest::default()).await;
    assert_eq!(refused(gone).1, "CREDENTIALS_INVALID");
}

async fn the_oldest_session_ends_where_there_are_too_many(bed: Bed) {
    let suite = Suite::start(bed).await;
    suite.user("ada@example.com").await;
    let mut all = Vec::new();
    for _ in 0..51 {
        all.push(access(
            &suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap(),
        ));
        suite.bed.clock.advance(Duration::from_millis(100));
    }
    let oldest = list(&suite, &all[0], pb::ListSessionsRequest::default()).await;
    assert_eq!(refused(oldest).1, "CREDENTIALS_INVALID");
    let page = pb::ListSessionsRequest {
        page_size: 100,
        ..Default::default()
    };
    assert_eq!(list(&suite, &all[1], page).await.unwrap().sessions.len(), 50);
}
