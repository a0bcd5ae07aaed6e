//! Two processes of each service: the time from the acknowledged change to the first refusal, without a
//! token.

use std::{collections::BTreeMap, time::Instant};

use bailiwick_client::{Client, Credentials};
use bailiwick_proto::{
    authorization::v1::{AssignRoleRequest, CheckRequest, Decision, ListProductsRequest},
    identity::v1::{
        CreateServiceAccountRequest, DisableServiceAccountRequest, DisableUserRequest, SignInRequest,
        SignOutRequest,
    },
    tenancy::v1::{
        CreateWorkspaceRequest, DeleteWorkspaceRequest, ListAccountsRequest, SuspendAccountRequest,
    },
};
use bailiwick_testkit::{Redis, eventually};
use tonic::Code;

use crate::{
    Times, apply,
    fleet::Fleet,
    support::{OPERATOR, PASSWORD, PATIENCE, operator, setup},
};

/// How often each kind of change is made.
const ROUNDS: usize = 50;
/// What is measured, by name; a time for each process that is asked.
type Measured = BTreeMap<&'static str, Times>;

/// Somebody who may do something until it is taken away.
struct Subject {
    question: CheckRequest,
    taken: Taken,
}

enum Taken {
    User(String),
    ServiceAccount(String),
    Account(String),
    Workspace(String, String),
}

impl Taken {
    fn what(&self) -> &'static str {
        match self {
            Self::User(_) => "disabled user, decision",
            Self::ServiceAccount(_) => "disabled service account, decision",
            Self::Account(_) => "suspended account, decision",
            Self::Workspace(..) => "deleted workspace, decision",
        }
    }
    async fn away(&self, client: &Client) {
        match self {
            Self::User(user) => {
                let disable = DisableUserRequest { user: user.clone() };
                client.identity().user().disable_user(disable).await.unwrap();
            }
            Self::ServiceAccount(id) => {
                let disable = DisableServiceAccountRequest {
                    service_account: id.clone(),
                };
                let identity = client.identity();
                identity
                    .service_account()
                    .disable_service_account(disable)
                    .await
                    .unwrap();
            }
            Self::Account(account) => {
                let suspend = SuspendAccountRequest {
                    account: account.clone(),
                };
                client.tenancy().account().suspend_account(suspend).await.unwrap();
            }
            Self::Workspace(account, workspace) => {
                let delete = DeleteWorkspaceRequest {
                    account: account.clone(),
                    workspace: workspace.clone(),
                    ..Default::default()
                };
                client
                    .tenancy()
                    .workspace()
                    .delete_workspace(delete)
                    .await
                    .unwrap();
            }
        }
    }
}

async fn subject(client: &Client, account: &str, subject: String, scope: String, taken: Taken) -> Subject {
    let request = AssignRoleRequest {
        account: account.into(),
        subject: subject.clone(),
        role: "editor".into(),
        scope: scope.clone(),
        ..Default::default()
    };
    client
        .authorization()
        .binding()
        .assign_role(request)
        .await
        .unwrap();
    let question = CheckRequest {
        account: account.into(),
        subject,
        permission: "note.edit".into(),
        target: scope,
        ..Default::default()
    };
    Subject { question, taken }
}

/// Subjects of one round.
async fn subjects(client: &Client, account: &str, round: usize) -> Vec<Subject> {
    let of_account = format!("account:{account}");
    let user = setup::user(client, &format!("user{round}@example.com")).await;
    let create = CreateServiceAccountRequest {
        title: format!("Service {round}"),
        scope: "deployment".into(),
        ..Default::default()
    };
    let made = client
        .identity()
        .service_account()
        .create_service_account(create)
        .await;
    let service = made
        .unwrap()
        .into_inner()
        .service_account
        .unwrap()
        .service_account;
    let closed = setup::account(client, "open", &format!("Closed {round}"), None).await;
    let create = CreateWorkspaceRequest {
        account: account.into(),
        title: format!("Store {round}"),
        ..Default::default()
    };
    let made = client
        .tenancy()
        .workspace()
        .create_workspace(create)
        .await
        .unwrap();
    let workspace = made.into_inner().workspace.unwrap().workspace;
    vec![
        subject(
            client,
            account,
            format!("user:{user}"),
            of_account.clone(),
            Taken::User(user),
        )
        .await,
        subject(
            client,
            account,
            format!("service:{service}"),
            of_account,
            Taken::ServiceAccount(service),
        )
        .await,
        subject(
            client,
            &closed,
            "user:somebody".into(),
            format!("account:{closed}"),
            Taken::Account(closed.clone()),
        )
        .await,
        subject(
            client,
            account,
            "user:somebody".into(),
            format!("workspace:{workspace}"),
            Taken::Workspace(account.into(), workspace),
        )
        .await,
    ]
}

async fn allows(client: &Client, question: &CheckRequest) -> bool {
    let answer = client.authorization().decision().check(question.clone()).await;
    answer.is_ok_and(|answer| answer.into_inner().decision() == Decision::Allow)
}

/// Takes it away by one process and asks the processes of authorization until they refuse.
async fn measure(client: &Client, asking: &[Client; 2], subject: &Subject, measured: &mut Measured) {
    for replica in asking {
        let allowed = async || allows(replica, &subject.question).await;
        eventually("it to be allowed", PATIENCE, allowed).await;
    }
    subject.taken.away(client).await;
    let acknowledged = Instant::now();
    let refused = asking.each_ref().map(async |replica| {
        while allows(replica, &subject.question).await {}
        acknowledged.elapsed()
    });
    let [one, two] = refused;
    let times = measured.entry(subject.taken.what()).or_default();
    times.0.extend(<[_; 2]>::from(tokio::join!(one, two)));
}

/// Ends a session by one process of identity and asks all others until they refuse its token.
async fn measure_session(fleet: &Fleet, measured: &mut Measured) {
    let client = Client::lazy(&fleet.trio.endpoints()).unwrap();
    let request = SignInRequest {
        email: OPERATOR.into(),
        password: PASSWORD.into(),
        ..Default::default()
    };
    let signed = client.identity().authentication().sign_in(request).await.unwrap();
    let signed = signed.into_inner();
    let access = signed.tokens.unwrap().access_token;
    fleet.accepted(&access, &signed.user).await;
    let bearers = fleet.clients(&Credentials::Bearer(access.into()));
    let ending = bearers[0].identity();
    ending.authentication().sign_out(SignOutRequest {}).await.unwrap();
    let acknowledged = Instant::now();
    let refused = |status: Option<tonic::Status>| status.is_some_and(|s| s.code() == Code::Unauthenticated);
    let tenancy = bearers.each_ref().map(async |client| {
        let ask = || async {
            let request = ListAccountsRequest::default();
            client.tenancy().account().list_accounts(request).await.err()
        };
        while !refused(ask().await) {}
        acknowledged.elapsed()
    });
    let authorization = bearers.each_ref().map(async |client| {
        let ask = || async {
            let request = ListProductsRequest::default();
            client
                .authorization()
                .product()
                .list_products(request)
                .await
                .err()
        };
        while !refused(ask().await) {}
        acknowledged.elapsed()
    });
    let ([one, two], [three, four]) = (tenancy, authorization);
    let all = <[_; 4]>::from(tokio::join!(one, two, three, four));
    measured
        .entry("ended session, its access token")
        .or_default()
        .0
        .extend(all);
}

pub(crate) async fn run() {
    let redis = Redis::start().await.unwrap();
    let fleet = Fleet::start_with(Some(redis.url())).await;
    let [client, _] = fleet.clients(&operator());
    apply(&client).await;
    let account = setup::account(&client, "open", "Open", None).await;
    let mut measured = Measured::new();
    for round in 0..ROUNDS {
        let asking = fleet.clients(&operator());
        for subject in subjects(&client, &account, round).await {
            measure(&client, &asking, &subject, &mut measured).await;
        }
        measure_session(&fleet, &mut measured).await;
    }
    println!("\nFrom the acknowledged change to the refusal by every other process, without a token:");
    for (what, times) in &measured {
        times.print(what);
    }
}
