//! Operators of a running deployment: the last one stays, and a lost password is reset on the database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::{
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use bailiwick_client::{Client, Credentials, Endpoints, TokenJar};
use bailiwick_proto::{
    authorization::v1::ListProductsRequest,
    identity::v1::{
        CreateUserRequest, DisableUserRequest, EnableUserRequest, GrantOperatorRequest, ListUsersRequest,
        ReauthenticateRequest, RevokeOperatorRequest, SignInRequest,
    },
};
use bailiwick_testkit::eventually;
use support::{Embedded, OPERATOR, PASSWORD, PATIENCE, Trio, text};
use tonic::{Code, Status};

const OTHER: &str = "other@example.com";
const NEW: &str = "a password that nobody had before";
/// How often two operators try to disable each other.
const TRIES: usize = 50;

/// Clients of one deployment that carry their tokens on together.
struct Deployment {
    endpoints: Endpoints,
    jar: TokenJar,
}

impl Deployment {
    fn new(endpoints: Endpoints) -> Self {
        Self {
            endpoints,
            jar: TokenJar::default(),
        }
    }
    /// A client that signs in anew.
    fn of(&self, email: &str, password: &str) -> Client {
        Client::lazy(&self.endpoints)
            .unwrap()
            .with_tokens(self.jar.clone())
            .with_credentials(Credentials::password(email, password.to_owned().into(), None))
    }
    /// A second user that is an operator; the ids of both.
    async fn second_operator(&self) -> (String, String) {
        let root = self.of(OPERATOR, PASSWORD);
        // Authorization may not have heard of the first operator yet.
        eventually("the operator is replicated", PATIENCE, async || {
            operates(&root).await.is_ok()
        })
        .await;
        let create = CreateUserRequest {
            email: OTHER.into(),
            email_verified: true,
            password: PASSWORD.into(),
            ..Default::default()
        };
        let made = root.identity().user().create_user(create).await.unwrap();
        let other = made.into_inner().user.unwrap().user;
        let grant = GrantOperatorRequest {
            subject: format!("user:{other}"),
        };
        let refused = root.identity().operator().grant_operator(grant.clone()).await;
        assert_eq!(
            refused.unwrap_err().code(),
            Code::Unauthenticated,
            "without step-up"
        );
        step_up(&root, "GrantOperator").await;
        root.identity().operator().grant_operator(grant).await.unwrap();
        (self.id(OPERATOR).await, other)
    }
    async fn id(&self, email: &str) -> String {
        sign_in(&self.of(email, PASSWORD), email, PASSWORD)
            .await
            .unwrap()
            .1
    }
}

async fn step_up(client: &Client, method: &str) {
    let request = ReauthenticateRequest {
        password: PASSWORD.into(),
        method: format!("bailiwick.identity.v1.OperatorService/{method}"),
        ..Default::default()
    };
    client
        .identity()
        .authentication()
        .reauthenticate(request)
        .await
        .unwrap();
}

/// The refresh token and the user of a sign-in.
async fn sign_in(client: &Client, email: &str, password: &str) -> Result<(String, String), Status> {
    let request = SignInRequest {
        email: email.into(),
        password: password.into(),
        ..Default::default()
    };
    let signed = client
        .identity()
        .authentication()
        .sign_in(request)
        .await?
        .into_inner();
    Ok((signed.tokens.unwrap().refresh_token, signed.user))
}

/// What operators alone may do.
async fn operates(client: &Client) -> Result<(), Status> {
    let list = ListProductsRequest::default();
    client
        .authorization()
        .product()
        .list_products(list)
        .await
        .map(drop)
}

async fn disable(client: Client, user: String) -> Result<(), Status> {
    let request = DisableUserRequest { user };
    client.identity().user().disable_user(request).await.map(drop)
}

/// A client of an operator that every process accepts, and goes on accepting. Tokens of the time before all
/// have heard that a user was disabled stay refused, also when it is enabled again by then.
async fn signed_in(deployment: &Deployment, email: &'static str) -> Client {
    let client = std::cell::RefCell::new(deployment.of(email, PASSWORD));
    eventually("the operator is back", PATIENCE, async || {
        let now = deployment.of(email, PASSWORD);
        *client.borrow_mut() = now.clone();
        let mut accepted = true;
        for _ in 0..2 {
            let users = now
                .identity()
                .user()
                .list_users(ListUsersRequest::default())
                .await;
            accepted &= operates(&now).await.is_ok() && users.is_ok();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        accepted
    })
    .await;
    client.into_inner()
}

async fn two_who_disable_each_other(deployment: &Deployment) {
    let (root, other) = deployment.second_operator().await;
    for round in 0..TRIES {
        let (one, two) = (
            signed_in(deployment, OPERATOR).await,
            signed_in(deployment, OTHER).await,
        );
        let (first, second) = tokio::join!(
            tokio::spawn(disable(one.clone(), other.clone())),
            tokio::spawn(disable(two.clone(), root.clone()))
        );
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_ne!(
            first.is_ok(),
            second.is_ok(),
            "round {round}: {first:?} {second:?}"
        );
        let (left, gone) = if first.is_ok() {
            (one, &other)
        } else {
            (two, &root)
        };
        let enable = EnableUserRequest { user: gone.clone() };
        left.identity().user().enable_user(enable).await.unwrap();
    }
    // Neither disabled nor without the role, by itself or by the other one.
    let root_client = signed_in(deployment, OPERATOR).await;
    disable(root_client.clone(), other.clone()).await.unwrap();
    step_up(&root_client, "RevokeOperator").await;
    let revoke = RevokeOperatorRequest { user: root.clone() };
    let refused = root_client
        .identity()
        .operator()
        .revoke_operator(revoke)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("`operator`"), "{refused:?}");
    operates(&root_client).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_operators_who_disable_each_other_one_remains_on_sqlite() {
    let suite = Embedded::start().await;
    let endpoints = Endpoints::one(format!("http://127.0.0.1:{}", suite.port));
    two_who_disable_each_other(&Deployment::new(endpoints)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_operators_who_disable_each_other_one_remains_on_postgres() {
    let trio = Trio::start(None).await;
    two_who_disable_each_other(&Deployment::new(trio.endpoints())).await;
}

/// `operator reset` of a deployment.
fn reset(mut command: Command, password: &Path, email: &str, more: &[&str]) -> Output {
    command
        .args(["--email", email, "--password-file"])
        .arg(password)
        .args(more);
    command.output().unwrap()
}

/// A lost password in a running deployment.
async fn a_lost_password(deployment: &Deployment, folder: &Path, command: impl Fn() -> Command) {
    let (_, other) = deployment.second_operator().await;
    let nobody = Client::lazy(&deployment.endpoints).unwrap();
    let before = sign_in(&nobody, OPERATOR, PASSWORD).await.unwrap();
    let running = deployment.of(OPERATOR, PASSWORD);
    disable(running.clone(), other).await.unwrap();
    let password = folder.join("new-password");
    std::fs::write(&password, format!("{NEW}\n")).unwrap();
    let came = reset(command(), &password, OPERATOR, &[]);
    let said = text(&came);
    assert!(came.status.success(), "{said}");
    assert!(
        said.contains("reset the password of operator") && !said.contains(NEW),
        "{said}"
    );
    let refresh = bailiwick_proto::identity::v1::RefreshRequest {
        refresh_token: before.0,
    };
    let refused = nobody.identity().authentication().refresh(refresh).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    let refused = sign_in(&nobody, OPERATOR, PASSWORD).await;
    assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    // Every process hears that the sessions ended: the client cannot sign in again with the old password.
    eventually("the old session is refused", PATIENCE, async || {
        operates(&running).await.is_err()
    })
    .await;
    operates(&deployment.of(OPERATOR, NEW)).await.unwrap();
    // A disabled one comes back on demand alone, and others not at all.
    let came = reset(command(), &password, OTHER, &[]);
    assert_eq!(came.status.code(), Some(2), "{}", text(&came));
    assert!(text(&came).contains("--enable"), "{}", text(&came));
    let came = reset(command(), &password, OTHER, &["--enable"]);
    assert!(came.status.success(), "{}", text(&came));
    let back = deployment.of(OTHER, NEW);
    eventually("it operates again", PATIENCE, async || {
        operates(&back).await.is_ok()
    })
    .await;
    let came = reset(command(), &password, "nobody@example.com", &[]);
    assert_eq!(came.status.code(), Some(2));
    assert!(
        text(&came).contains("no user has the e-mail address"),
        "{}",
        text(&came)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_password_of_an_operator_is_reset_on_sqlite() {
    let suite = Embedded::start().await;
    let endpoints = Endpoints::one(format!("http://127.0.0.1:{}", suite.port));
    let command = || {
        let mut command = support::bailiwick();
        command
            .args(["operator", "reset", "--data-dir"])
            .arg(suite.data());
        command
    };
    a_lost_password(&Deployment::new(endpoints), suite.directory.path(), command).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_password_of_an_operator_is_reset_on_postgres() {
    let trio = Trio::start(None).await;
    let folder = tempfile::tempdir().unwrap();
    let command = || trio.more(&["operator", "reset"]);
    a_lost_password(&Deployment::new(trio.endpoints()), folder.path(), command).await;
}
