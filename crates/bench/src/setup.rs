//! The account to ask about, and the credentials of the service that asks.

use anyhow::{Context, Result};
use bailiwick_client::{Client, Credentials, Endpoints};
use bailiwick_proto::{
    authorization::v1::{
        ApplyProductRequest, AssignRoleRequest, CheckRequest, CreateMemberRequest, Decision,
        RegisterResourceRequest,
    },
    identity::v1::{CreateServiceAccountRequest, CreateUserRequest, IssueTokenRequest},
    tenancy::v1::{CreateAccountRequest, CreateInstanceRequest},
};
use prost::Message;

use crate::suite::{OPERATOR, Suite};

const PRODUCT: &str = include_str!("../../../products/one-question.yaml");

/// The question to ask, and how to ask it.
pub(crate) struct World {
    /// `authorization` header of the asking service.
    pub(crate) bearer: String,
    /// A question that is answered with allow.
    pub(crate) question: CheckRequest,
    /// Encoded bytes of question and answer.
    pub(crate) sizes: (usize, usize),
}

/// Creates an account with a subject that has a role in each of its instances.
pub(crate) async fn world(suite: &Suite, bindings: usize) -> Result<World> {
    let endpoints = Endpoints::one(&suite.endpoint);
    let client = Client::connect(&endpoints)
        .await?
        .with_credentials(Credentials::password(
            OPERATOR,
            suite.password.clone().into(),
            None,
        ));
    let apply = ApplyProductRequest {
        manifest: PRODUCT.into(),
        ..Default::default()
    };
    client.authorization().product().apply_product(apply).await?;
    let account = CreateAccountRequest {
        product: "one-question".into(),
        title: "Bench".into(),
        ..Default::default()
    };
    let account = client
        .tenancy()
        .account()
        .create_account(account)
        .await?
        .into_inner();
    let account = account.account.context("no account")?.account;
    let user = CreateUserRequest {
        email: "subject@example.com".into(),
        ..Default::default()
    };
    let user = client
        .identity()
        .user()
        .create_user(user)
        .await?
        .into_inner()
        .user
        .context("no user")?
        .user;
    let member = CreateMemberRequest {
        account: account.clone(),
        user: user.clone(),
        ..Default::default()
    };
    client.authorization().member().create_member(member).await?;
    let subject = format!("user:{user}");
    let mut last = String::new();
    for n in 0..bindings.max(1) {
        let instance = CreateInstanceRequest {
            account: account.clone(),
            title: format!("Instance {n}"),
            edition: "chs".into(),
            ..Default::default()
        };
        let made = client
            .tenancy()
            .instance()
            .create_instance(instance)
            .await?
            .into_inner();
        last = format!("instance:{}", made.instance.context("no instance")?.instance);
        let assign = AssignRoleRequest {
            account: account.clone(),
            subject: subject.clone(),
            role: "supervisor".into(),
            scope: last.clone(),
            ..Default::default()
        };
        client.authorization().binding().assign_role(assign).await?;
    }
    let survey = RegisterResourceRequest {
        account: account.clone(),
        resource: "survey:s1".into(),
        scope: last,
        owner: Some(String::new()),
        ..Default::default()
    };
    client
        .authorization()
        .resource()
        .register_resource(survey)
        .await?;
    let question = CheckRequest {
        account,
        subject,
        permission: "survey.send".into(),
        target: "survey:s1".into(),
        ..Default::default()
    };
    let answer = client
        .authorization()
        .decision()
        .check(question.clone())
        .await?
        .into_inner();
    anyhow::ensure!(
        answer.decision() == Decision::Allow,
        "the question must be answered with allow: {answer:?}"
    );
    let access = service(&client).await?;
    // The service's role comes by the feed: asked once with what the client has seen, it counts from then on.
    let asking = Client::lazy(&endpoints)?
        .with_tokens(client.tokens().clone())
        .with_credentials(Credentials::Bearer(access.clone().into()));
    asking.authorization().decision().check(question.clone()).await?;
    Ok(World {
        bearer: format!("Bearer {access}"),
        sizes: (question.encoded_len(), answer.encoded_len()),
        question,
    })
}

async fn service(client: &Client) -> Result<String> {
    let made = CreateServiceAccountRequest {
        title: "bench".into(),
        scope: "product:one-question".into(),
        role: "service".into(),
        ..Default::default()
    };
    let made = client
        .identity()
        .service_account()
        .create_service_account(made)
        .await?
        .into_inner();
    let id = made
        .service_account
        .context("no service account")?
        .service_account;
    let issue = IssueTokenRequest {
        client_id: id,
        client_secret: made.secret,
    };
    let issued = client.identity().token().issue_token(issue).await?.into_inner();
    Ok(issued.access_token)
}
