//! What is left of a deleted user anywhere: in three databases, in Redis and among mails.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use bailiwick_client::{Client, Credentials, TokenJar};
use bailiwick_proto::{
    authorization::v1::{CheckRequest, CreateInvitationRequest, Decision},
    identity::v1::{
        CreateUserRequest, DeleteUserRequest, GetUserRequest, ReauthenticateRequest,
        RequestPasswordResetRequest,
    },
};
use bailiwick_testkit::{Content, Redis, eventually};
use support::{OPERATOR, PASSWORD, PATIENCE, Trio, setup};
use tonic::{Code, Status};

const EMAIL: &str = "Ada.Lovelace@Example.com";
const NAME: &str = "Augusta Ada King";

async fn delete(root: &Client, user: &str) -> Result<(), Status> {
    let request = ReauthenticateRequest {
        password: PASSWORD.into(),
        method: "bailiwick.identity.v1.UserService/DeleteUser".into(),
        ..Default::default()
    };
    let identity = root.identity();
    identity.authentication().reauthenticate(request).await.unwrap();
    let request = DeleteUserRequest { user: user.into() };
    identity.user().delete_user(request).await.map(drop)
}

async fn person(root: &Client, email: &str, name: &str) -> String {
    let create = CreateUserRequest {
        email: email.into(),
        display_name: name.into(),
        email_verified: true,
        password: PASSWORD.into(),
        ..Default::default()
    };
    let made = root.identity().user().create_user(create).await.unwrap();
    made.into_inner().user.unwrap().user
}

/// Everything that the deployment keeps.
async fn content(trio: &Trio, redis: &Redis) -> Content {
    let mut content = Content::default();
    for at in 0..3 {
        content.add(&trio.database(at).content().await.unwrap());
    }
    content.add(&redis.dump().await.unwrap());
    content.add_path(trio.directory.path()).unwrap();
    content
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_of_all_databases_redis_and_mails_finds_nothing_of_a_deleted_user() {
    let redis = Redis::start_with(&["rdbcompression no"]).await.unwrap();
    let trio = Trio::start(Some(redis.url())).await;
    let jar = TokenJar::default();
    let of = |credentials| {
        Client::lazy(&trio.endpoints())
            .unwrap()
            .with_tokens(jar.clone())
            .with_credentials(credentials)
    };
    let root = of(support::operator());
    let ready = async || {
        let list = bailiwick_proto::authorization::v1::ListProductsRequest::default();
        root.authorization().product().list_products(list).await.is_ok()
    };
    eventually("the operator is replicated", PATIENCE, ready).await;
    setup::apply(&root, "sogolytics").await;
    let account = setup::account(&root, "sogolytics", "One", None).await;
    let other = setup::account(&root, "sogolytics", "Two", None).await;
    let ada = person(&root, EMAIL, NAME).await;
    setup::member(&root, &account, &ada, "administrator").await;
    let invite = CreateInvitationRequest {
        account: other.clone(),
        email: EMAIL.to_uppercase(),
        roles: vec!["sub_user".into()],
        request_id: uuid::Uuid::from_u128(7).to_string(),
        ..Default::default()
    };
    let invitations = root.authorization();
    invitations.invitation().create_invitation(invite).await.unwrap();
    let of_ada = of(Credentials::password(
        EMAIL,
        PASSWORD.to_owned().into(),
        Some(account.clone()),
    ));
    let check = CheckRequest {
        account: account.clone(),
        subject: format!("user:{ada}"),
        permission: "user.invite".into(),
        target: format!("account:{account}"),
        ..Default::default()
    };
    let asked = of_ada
        .authorization()
        .decision()
        .check(check.clone())
        .await
        .unwrap();
    assert_eq!(asked.into_inner().decision(), Decision::Allow);
    let reset = RequestPasswordResetRequest { email: EMAIL.into() };
    let authentication = root.identity();
    authentication
        .authentication()
        .request_password_reset(reset)
        .await
        .unwrap();
    let mail = trio.directory.path().join("mail");
    let sent = async || std::fs::read_dir(&mail).is_ok_and(|files| files.count() > 0);
    eventually("a mail", PATIENCE, sent).await;
    let before = content(&trio, &redis).await;
    assert!(
        before.names(EMAIL) && before.names(NAME),
        "there is something to find"
    );

    // The only administrator stays until there is another one.
    let refused = delete(&root, &ada).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
    let olga = person(&root, "olga@example.com", "Olga").await;
    setup::member(&root, &account, &olga, "administrator").await;
    delete(&root, &ada).await.unwrap();

    let after = content(&trio, &redis).await;
    for text in [EMAIL, NAME, "Lovelace", "Augusta"] {
        assert!(!after.names(text), "`{text}` is still there");
    }
    assert!(after.names("olga@example.com") && after.names(OPERATOR));
    let own = GetUserRequest { user: ada.clone() };
    let refused = async || of_ada.identity().user().get_user(own.clone()).await.is_err();
    eventually("the user is refused", PATIENCE, refused).await;
    let denied = root
        .authorization()
        .decision()
        .check(check)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(denied.decision(), Decision::Deny, "{denied:?}");
    // What is on its way to the other services brings nothing back.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let later = content(&trio, &redis).await;
    assert!(!later.names("Lovelace") && !later.names("Augusta"));
    let next = person(&root, EMAIL, NAME).await;
    assert_ne!(next, ada, "the address is free");
}
