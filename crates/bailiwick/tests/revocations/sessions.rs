//! Ended sessions.

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::identity::v1::{
    RefreshRequest, RevokeSessionRequest, SignInRequest, SignInResponse, SignOutRequest, TokenPair,
};
use bailiwick_testkit::eventually;
use tonic::Code;

use crate::{
    fleet::Fleet,
    support::{OPERATOR, PASSWORD, PATIENCE},
};

async fn begin(client: &Client) -> SignInResponse {
    let request = SignInRequest {
        email: OPERATOR.into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    let signed = client.identity().authentication().sign_in(request).await;
    signed.unwrap().into_inner()
}

/// Refreshes, after the pause that a session takes.
async fn refresh(client: &Client, token: &str) -> TokenPair {
    let mut pair = None;
    let refreshed = async || {
        let request = RefreshRequest {
            refresh_token: token.to_owned(),
        };
        match client.identity().authentication().refresh(request).await {
            Ok(answer) => pair = answer.into_inner().tokens,
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status}"),
        }
        pair.is_some()
    };
    eventually("another refresh", PATIENCE, refreshed).await;
    pair.unwrap()
}

/// Signs in; returns the access token and the user.
pub(crate) async fn sign_in(client: &Client, email: &str) -> (String, String) {
    let request = SignInRequest {
        email: email.into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    let signed = client.identity().authentication().sign_in(request).await;
    let SignInResponse { tokens, user, .. } = signed.unwrap().into_inner();
    (tokens.unwrap().access_token, user)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_session_is_refused_by_every_process_and_after_restarts() {
    let mut fleet = Fleet::start().await;
    let nobody = Client::lazy(&fleet.trio.endpoints()).unwrap();
    let (ended, user) = sign_in(&nobody, OPERATOR).await;
    let (kept, _) = sign_in(&nobody, OPERATOR).await;
    fleet.accepted(&ended, &user).await;
    fleet.accepted(&kept, &user).await;
    let [first, _] = fleet.clients(&Credentials::Bearer(ended.clone().into()));
    let identity = first.identity();
    identity
        .authentication()
        .sign_out(SignOutRequest {})
        .await
        .unwrap();
    fleet.refused_for_good(&ended, &user).await;
    assert_eq!(fleet.codes(&kept, &user).await, [Code::Ok; 6]);

    // Processes that start later have not seen the event.
    fleet.restart().await;
    fleet.accepted(&kept, &user).await;
    for _ in 0..20 {
        assert_eq!(fleet.codes(&ended, &user).await, [Code::Unauthenticated; 6]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_session_and_a_lost_access_token_are_refused_by_every_process_and_after_restarts() {
    let mut fleet = Fleet::start().await;
    let nobody = Client::lazy(&fleet.trio.endpoints()).unwrap();
    let (one, two) = (begin(&nobody).await, begin(&nobody).await);
    let user = one.user.clone();
    let revoked = one.tokens.unwrap().access_token;
    let first = two.tokens.unwrap();
    let lost = refresh(&nobody, &first.refresh_token).await.access_token;
    for token in [&revoked, &first.access_token, &lost] {
        fleet.accepted(token, &user).await;
    }
    // The client that lost the answer asks again, and ends the other session.
    let kept = refresh(&nobody, &first.refresh_token).await.access_token;
    let [client, _] = fleet.clients(&Credentials::Bearer(kept.clone().into()));
    let request = RevokeSessionRequest {
        session: one.session,
        ..Default::default()
    };
    client.identity().session().revoke_session(request).await.unwrap();
    for token in [&revoked, &lost] {
        fleet.refused_for_good(token, &user).await;
    }
    fleet.accepted(&kept, &user).await;
    fleet.restart().await;
    fleet.accepted(&kept, &user).await;
    for token in [&revoked, &lost] {
        fleet.refused_for_good(token, &user).await;
    }
}
