//! Disabled users and service accounts, and closed places.

use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{
        ApplyProductRequest, AssignRoleRequest, CheckRequest, Decision, RegisterResourceRequest,
    },
    common::v1::{Consistency, consistency::Requirement},
    identity::v1::{
        CreateServiceAccountRequest, CreateUserRequest, DisableServiceAccountRequest, DisableUserRequest,
        IssueTokenRequest,
    },
    tenancy::v1::SuspendAccountRequest,
};
use bailiwick_testkit::{RestoreMode, eventually};
use prost_types::{Struct, Value, value::Kind};

use crate::{
    fleet::{AUTHORIZATION, Fleet, IDENTITY},
    sessions::sign_in,
    support::{PASSWORD, PATIENCE, operator, setup},
};

const EMAIL: &str = "ada@example.com";

/// Its users are opaque ids: who is assigned a note sees it, without anything in the account.
const OPEN: &str = "
product: open
levels: {account: {title: Account}}
subjects: {user: external, anonymous: {role: anybody}}
types:
  note: {verbs: [create, view, edit], implies: {edit: [view]}, attributes: {assignee: {type: subject}}}
roles:
  editor: {levels: {account: {permissions: [note.edit]}}}
  anybody:
    levels: {account: {permissions: [{permission: note.view, when: resource.attr.assignee == subject.id}]}}
";

/// Something that is allowed until it is taken away.
struct Case {
    question: CheckRequest,
    /// Of the write that took it away.
    token: String,
}

impl Case {
    fn new(account: &str, subject: &str, permission: &str, target: &str) -> Self {
        let question = CheckRequest {
            account: account.to_owned(),
            subject: subject.to_owned(),
            permission: permission.to_owned(),
            target: target.to_owned(),
            ..Default::default()
        };
        Self {
            question,
            token: String::new(),
        }
    }
    async fn ask(&self, client: &Client, requirement: Option<Requirement>) -> Option<Decision> {
        let consistency = requirement.map(|requirement| Consistency {
            requirement: Some(requirement),
        });
        let request = CheckRequest {
            consistency,
            ..self.question.clone()
        };
        // A service that cannot tell yet says so: it allows nothing.
        let answer = client.authorization().decision().check(request).await.ok()?;
        Some(answer.into_inner().decision())
    }
    /// With the token it is refused at once, else once the feed was applied, and then for good, by every
    /// process.
    async fn is_refused_for_good(&self, fleet: &Fleet) {
        let clients = fleet.clients(&operator());
        let token = Requirement::AtLeastAsFresh(self.token.clone());
        let subject = &self.question.subject;
        for client in &clients {
            for _ in 0..3 {
                let said = self.ask(client, Some(token.clone())).await;
                assert_ne!(said, Some(Decision::Allow), "{subject} with the token");
            }
        }
        for client in &clients {
            let denied = async || self.ask(client, None).await == Some(Decision::Deny);
            eventually("a denial without a token", PATIENCE, denied).await;
        }
        for client in &clients {
            for requirement in [
                None,
                Some(Requirement::FullyConsistent(true)),
                Some(token.clone()),
            ] {
                let said = self.ask(client, requirement.clone()).await;
                assert_ne!(said, Some(Decision::Allow), "{subject} {requirement:?}");
            }
        }
    }
}

async fn all_refused(fleet: &Fleet, cases: &[Case]) {
    for case in cases {
        case.is_refused_for_good(fleet).await;
    }
}

async fn assign(client: &Client, account: &str, subject: &str) {
    let request = AssignRoleRequest {
        account: account.into(),
        subject: subject.into(),
        role: "editor".into(),
        scope: format!("account:{account}"),
        ..Default::default()
    };
    client
        .authorization()
        .binding()
        .assign_role(request)
        .await
        .unwrap();
}

/// A service account of the deployment; the answer has its access token.
async fn service(client: &Client) -> (String, String) {
    let create = CreateServiceAccountRequest {
        title: "Reports".into(),
        scope: "deployment".into(),
        ..Default::default()
    };
    let made = client
        .identity()
        .service_account()
        .create_service_account(create)
        .await;
    let made = made.unwrap().into_inner();
    let id = made.service_account.unwrap().service_account;
    let issue = IssueTokenRequest {
        client_id: id.clone(),
        client_secret: made.secret,
    };
    let issued = client.identity().token().issue_token(issue).await;
    (id, issued.unwrap().into_inner().access_token)
}

/// What is allowed: a user's by an attribute alone, a service account's by a role that it was given, and
/// somebody's in a place.
async fn allowed(client: &Client, user: &str, service: &str) -> Vec<Case> {
    let apply = ApplyProductRequest {
        manifest: OPEN.into(),
        ..Default::default()
    };
    client
        .authorization()
        .product()
        .apply_product(apply)
        .await
        .unwrap();
    let account = setup::account(client, "open", "Open", None).await;
    let closed = setup::account(client, "open", "Closed", None).await;
    let assignee = Value {
        kind: Some(Kind::StringValue(user.to_owned())),
    };
    let register = RegisterResourceRequest {
        account: account.clone(),
        resource: "note:1".into(),
        attributes: Some(Struct {
            fields: [("assignee".to_owned(), assignee)].into(),
        }),
        ..Default::default()
    };
    client
        .authorization()
        .resource()
        .register_resource(register)
        .await
        .unwrap();
    assign(client, &account, &format!("service:{service}")).await;
    assign(client, &closed, "user:somebody").await;
    vec![
        Case::new(&account, &format!("user:{user}"), "note.view", "note:1"),
        Case::new(
            &account,
            &format!("service:{service}"),
            "note.edit",
            &format!("account:{account}"),
        ),
        Case::new(
            &closed,
            "user:somebody",
            "note.edit",
            &format!("account:{closed}"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_disabled_or_closed_is_refused_by_every_process_and_after_restarts_and_restores() {
    let mut fleet = Fleet::start().await;
    let [client, _] = fleet.clients(&operator());
    let create = CreateUserRequest {
        email: EMAIL.into(),
        email_verified: true,
        password: PASSWORD.into(),
        ..Default::default()
    };
    let made = client.identity().user().create_user(create).await.unwrap();
    let user = made.into_inner().user.unwrap().user;
    let (service, service_access) = service(&client).await;
    let mut cases = allowed(&client, &user, &service).await;
    let (access, _) = sign_in(&client, EMAIL).await;
    fleet.accepted(&access, &user).await;
    fleet.accepted(&service_access, &user).await;
    for client in fleet.clients(&operator()) {
        for case in &cases {
            let allowed = async || case.ask(&client, None).await == Some(Decision::Allow);
            eventually("it to be allowed", PATIENCE, allowed).await;
        }
    }
    let before = fleet.trio.database(AUTHORIZATION).dump().await.unwrap();

    let disable = DisableUserRequest { user: user.clone() };
    let done = client.identity().user().disable_user(disable).await.unwrap();
    cases[0].token = done.into_inner().token;
    let disable = DisableServiceAccountRequest {
        service_account: service.clone(),
    };
    let disabled = client
        .identity()
        .service_account()
        .disable_service_account(disable)
        .await;
    cases[1].token = disabled.unwrap().into_inner().token;
    let suspend = SuspendAccountRequest {
        account: cases[2].question.account.clone(),
    };
    let done = client.tenancy().account().suspend_account(suspend).await.unwrap();
    cases[2].token = done.into_inner().token;
    all_refused(&fleet, &cases).await;
    for access in [&access, &service_access] {
        fleet.refused_for_good(access, &user).await;
    }

    fleet.restart().await;
    all_refused(&fleet, &cases).await;
    for access in [&access, &service_access] {
        fleet.refused_for_good(access, &user).await;
    }
    // Authorization goes back to before it was told; the feeds tell it again.
    fleet.restore(AUTHORIZATION, &before, RestoreMode::ALL[0]).await;
    all_refused(&fleet, &cases).await;
    // Identity goes back too, but not that far: its versions count in another history.
    let after = fleet.trio.database(IDENTITY).dump().await.unwrap();
    setup::user(&client, "lost@example.com").await;
    fleet.restore(IDENTITY, &after, RestoreMode::ALL[0]).await;
    all_refused(&fleet, &cases).await;
    fleet.restart().await;
    all_refused(&fleet, &cases).await;
    for access in [&access, &service_access] {
        fleet.refused_for_good(access, &user).await;
    }
}
