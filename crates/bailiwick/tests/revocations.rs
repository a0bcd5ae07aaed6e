//! What identity ends is refused by every process, and stays refused after restarts.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::ListProductsRequest,
    identity::v1::{GetUserRequest, SignInRequest, SignInResponse, SignOutRequest},
    tenancy::v1::ListAccountsRequest,
};
use bailiwick_testkit::{Process, eventually, free_port};
use support::{OPERATOR, PASSWORD, PATIENCE, Trio};
use tonic::Code;

/// What the four processes answer to a token.
struct Callers {
    user: String,
    first: Client,
    second: Client,
}

impl Callers {
    fn of(signed: &SignInResponse, endpoints: &Endpoints, second: &Endpoints) -> Self {
        let access = signed.tokens.clone().unwrap().access_token;
        let with = |endpoints: &Endpoints| {
            let client = Client::lazy(endpoints).unwrap();
            client.with_credentials(Credentials::Bearer(access.clone().into()))
        };
        Self {
            user: signed.user.clone(),
            first: with(endpoints),
            second: with(second),
        }
    }
    /// The codes of identity, tenancy and two processes of authorization.
    async fn codes(&self) -> [Code; 4] {
        let user = GetUserRequest {
            user: self.user.clone(),
        };
        let accounts = ListAccountsRequest::default();
        let products = ListProductsRequest::default;
        fn code<T>(answer: Result<T, tonic::Status>) -> Code {
            answer.map_or_else(|status| status.code(), |_| Code::Ok)
        }
        [
            code(self.first.identity().user().get_user(user).await),
            code(self.first.tenancy().account().list_accounts(accounts).await),
            code(
                self.first
                    .authorization()
                    .product()
                    .list_products(products())
                    .await,
            ),
            code(
                self.second
                    .authorization()
                    .product()
                    .list_products(products())
                    .await,
            ),
        ]
    }
    async fn are(&self, when: &str, wanted: Code) {
        eventually(when, PATIENCE, async || self.codes().await == [wanted; 4]).await;
    }
}

async fn sign_in(client: &Client) -> SignInResponse {
    let request = SignInRequest {
        email: OPERATOR.into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    let signed = client.identity().authentication().sign_in(request).await;
    signed.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_session_is_refused_by_every_process_and_after_restarts() {
    let mut trio = Trio::start(None).await;
    let port = free_port().unwrap();
    let listen = format!("127.0.0.1:{port}");
    let start =
        |trio: &Trio| Process::start(trio.more(&["serve", "authorization", "--listen", &listen])).unwrap();
    let other = start(&trio);
    other.line("grpc://", PATIENCE).await;
    let endpoints = trio.endpoints();
    let second = Endpoints::one(format!("http://{listen}"));
    let nobody = Client::lazy(&endpoints).unwrap();
    let ended = Callers::of(&sign_in(&nobody).await, &endpoints, &second);
    let kept = Callers::of(&sign_in(&nobody).await, &endpoints, &second);
    ended.are("the session to count", Code::Ok).await;
    kept.are("the other session to count", Code::Ok).await;
    let identity = ended.first.identity();
    identity
        .authentication()
        .sign_out(SignOutRequest {})
        .await
        .unwrap();
    ended
        .are("the ended session to be refused", Code::Unauthenticated)
        .await;
    assert_eq!(kept.codes().await, [Code::Ok; 4]);

    // Processes that start later have not seen the event.
    drop(other);
    for at in 0..3 {
        trio.kill(at);
        trio.launch(at);
    }
    for at in 0..3 {
        trio.ready(at).await;
    }
    let other = start(&trio);
    other.line("grpc://", PATIENCE).await;
    kept.are("the other session to count again", Code::Ok).await;
    for _ in 0..20 {
        assert_eq!(ended.codes().await, [Code::Unauthenticated; 4]);
    }
}
