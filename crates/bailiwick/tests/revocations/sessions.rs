//! Ended sessions.

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::identity::v1::{SignInRequest, SignInResponse, SignOutRequest};
use tonic::Code;

use crate::{
    fleet::Fleet,
    support::{OPERATOR, PASSWORD},
};

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
