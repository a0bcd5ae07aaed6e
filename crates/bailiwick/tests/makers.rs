//! Who made a service account decides nothing of what it asks for: from identity over the feed to the
//! decision.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use bailiwick_client::{Client, Credentials, Endpoints, TokenJar};
use bailiwick_proto::{
    authorization::v1::{
        ApprovalState, ApproveRequestRequest, ListApprovalsRequest, RegisterResourceRequest,
        RejectRequestRequest, RequestApprovalRequest,
    },
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest},
};
use support::{Embedded, OPERATOR, PASSWORD, setup};
use tonic::Code;

const OLGA: &str = "olga@example.com";

/// A service account with a role on an account, its secret, and who made it.
async fn service(client: &Client, account: &str, role: &str) -> (String, String, String) {
    let create = CreateServiceAccountRequest {
        title: role.into(),
        scope: format!("account:{account}"),
        role: role.into(),
        ..Default::default()
    };
    let made = client
        .identity()
        .service_account()
        .create_service_account(create)
        .await
        .unwrap()
        .into_inner();
    let of = made.service_account.unwrap();
    (of.service_account, made.secret, of.creator)
}

/// A user with a password.
async fn user(client: &Client, email: &str) -> String {
    let create = CreateUserRequest {
        email: email.into(),
        email_verified: true,
        password: PASSWORD.into(),
        ..Default::default()
    };
    let made = client.identity().user().create_user(create).await.unwrap();
    made.into_inner().user.unwrap().user
}

/// The requests that wait for a client's user to decide.
async fn waiting(client: &Client, account: &str) -> Vec<String> {
    let list = ListApprovalsRequest {
        account: account.into(),
        waiting_for_me: true,
        ..Default::default()
    };
    let page = client.authorization().approval().list_approvals(list).await;
    let rows = page.unwrap().into_inner().approvals;
    rows.into_iter().map(|row| row.approval).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_made_a_service_account_decides_nothing_of_what_it_asks_for() {
    let suite = Embedded::start().await;
    let jar = TokenJar::default();
    let of = |credentials| {
        Client::lazy(&Endpoints::one(format!("http://127.0.0.1:{}", suite.port)))
            .unwrap()
            .with_tokens(jar.clone())
            .with_credentials(credentials)
    };
    let maker = of(support::operator());
    setup::apply(&maker, "sogolytics").await;
    let account = setup::account(&maker, "sogolytics", "Sogo", None).await;
    let (asks, asks_secret, root) = service(&maker, &account, "sub_user").await;
    let (decides, decides_secret, _) = service(&maker, &account, "workflow_manager").await;
    let olga = user(&maker, OLGA).await;
    setup::member(&maker, &account, &olga, "administrator").await;
    // The operator gives itself no role.
    let root = root.strip_prefix("user:").unwrap();
    setup::join(&maker, &account, root).await;
    let olgas = Credentials::password(OLGA, PASSWORD.to_owned().into(), Some(account.clone()));
    setup::assign(&of(olgas), &account, root, "workflow_manager").await;
    let register = RegisterResourceRequest {
        account: account.clone(),
        resource: "project:nps".into(),
        scope: format!("account:{account}"),
        owner: Some(format!("service:{asks}")),
        ..Default::default()
    };
    let resource = maker.authorization().resource().register_resource(register).await;
    resource.unwrap();

    let asks = of(Credentials::client(asks, asks_secret.into()));
    let request = RequestApprovalRequest {
        account: account.clone(),
        permission: "project.distribute".into(),
        target: "project:nps".into(),
        ..Default::default()
    };
    let asked = asks.authorization().approval().request_approval(request).await;
    let asked = asked.unwrap().into_inner().approval.unwrap().approval;

    let approve = ApproveRequestRequest {
        account: account.clone(),
        approval: asked.clone(),
    };
    let reject = RejectRequestRequest {
        account: account.clone(),
        approval: asked.clone(),
    };
    let user = |email: &str| Credentials::password(email, PASSWORD.to_owned().into(), Some(account.clone()));
    for of_maker in [
        of(user(OPERATOR)),
        of(Credentials::client(decides, decides_secret.into())),
    ] {
        assert_eq!(waiting(&of_maker, &account).await, Vec::<String>::new());
        let mut approvals = of_maker.authorization().approval();
        let refused = approvals.approve_request(approve.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        let refused = approvals.reject_request(reject.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    }
    let of_olga = of(user(OLGA));
    assert_eq!(waiting(&of_olga, &account).await, [asked]);
    let done = of_olga.authorization().approval().approve_request(approve).await;
    let done = done.unwrap().into_inner().approval.unwrap();
    assert_eq!(
        (done.state(), done.decider),
        (ApprovalState::Approved, format!("user:{olga}"))
    );
}
