//! `UserService`.

use bailiwick_proto::identity::v1 as pb;
use bailiwick_types::{ScopeRoot, Service, UserId};
use tonic::Code;

use crate::support::{Bed, PASSWORD, Suite, access, bearer, fields, on_both_engines, refused};

on_both_engines! {
    a_user_is_read_as_it_was_made
    repeated_requests_at_once_make_one_user
    lists_are_followed_page_by_page
    users_read_themselves_and_no_other_user
    users_change_their_own_profile_and_no_other_one
}

fn new_user(email: &str) -> pb::CreateUserRequest {
    pb::CreateUserRequest {
        email: email.to_owned(),
        display_name: "Ada".to_owned(),
        password: PASSWORD.to_owned(),
        email_verified: true,
        request_id: String::new(),
    }
}

async fn a_user_is_read_as_it_was_made(bed: Bed) {
    let suite = Suite::start(bed).await;
    let made = suite
        .users()
        .create_user(suite.root(new_user("Ada@Example.com")))
        .await
        .unwrap()
        .into_inner();
    let user = made.user.unwrap();
    assert_eq!(user.email, "Ada@Example.com");
    assert_eq!(
        (user.state(), user.operator, user.version),
        (pb::UserState::Active, false, 1)
    );
    assert_eq!(user.create_time.unwrap().seconds, 1_767_603_600);
    let id: UserId = user.user.parse().unwrap();
    assert_eq!(suite.get(id).await, user);
    let token = bailiwick_rpc::token::decode(&made.token).unwrap();
    assert_eq!(
        token.wanted(Service::Identity, &ScopeRoot::User(id)).unwrap().1,
        user.version
    );
    let nobody = pb::GetUserRequest {
        user: UserId::from_uuid(uuid::Uuid::from_u128(9)).to_string(),
    };
    let answer = suite.users().get_user(suite.root(nobody)).await;
    assert_eq!(refused(answer), (Code::NotFound, "NOT_FOUND".to_owned()));
}

async fn repeated_requests_at_once_make_one_user(bed: Bed) {
    let suite = Suite::start(bed).await;
    let mut message = new_user("ada@example.com");
    message.request_id = "4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d12".to_owned();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (mut users, request) = (suite.users(), suite.root(message.clone()));
            tokio::spawn(async move { users.create_user(request).await })
        })
        .collect();
    let mut made = Vec::new();
    for call in calls {
        made.push(call.await.unwrap().unwrap().into_inner().user.unwrap().user);
    }
    made.dedup();
    assert_eq!(made.len(), 1);
}

async fn lists_are_followed_page_by_page(bed: Bed) {
    let suite = Suite::start(bed).await;
    for n in 0..5 {
        suite.user(&format!("u{n}@example.com")).await;
    }
    let mut request = pb::ListUsersRequest {
        page_size: 2,
        ..Default::default()
    };
    let mut emails = Vec::new();
    let mut first_token = String::new();
    loop {
        let page = suite
            .users()
            .list_users(suite.root(request.clone()))
            .await
            .unwrap()
            .into_inner();
        emails.extend(page.users.into_iter().map(|u| u.email));
        if first_token.is_empty() {
            first_token.clone_from(&page.next_page_token);
        }
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    emails.sort();
    assert_eq!(emails[..2], ["root@example.com", "u0@example.com"]);
    assert_eq!(emails.len(), 6);
    let one = pb::ListUsersRequest {
        email: "U3@EXAMPLE.com".to_owned(),
        ..Default::default()
    };
    let found = suite
        .users()
        .list_users(suite.root(one))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(found.users.len(), 1);
    assert_eq!(found.next_page_token, "");
    let other = pb::ListUsersRequest {
        email: "u3@example.com".to_owned(),
        page_token: first_token,
        ..Default::default()
    };
    let answer = suite.users().list_users(suite.root(other)).await;
    assert_eq!(
        refused(answer),
        (Code::InvalidArgument, "INVALID_PAGE_TOKEN".to_owned())
    );
}

async fn users_read_themselves_and_no_other_user(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let eve = suite.user("eve@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let own = pb::GetUserRequest {
        user: ada.to_string(),
    };
    let answer = suite
        .users()
        .get_user(bearer(own.clone(), &token))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.user.unwrap().email, "ada@example.com");
    for other in [eve, UserId::from_uuid(uuid::Uuid::from_u128(1))] {
        let message = pb::GetUserRequest {
            user: other.to_string(),
        };
        let answer = suite.users().get_user(bearer(message, &token)).await;
        assert_eq!(
            refused(answer),
            (Code::PermissionDenied, "PERMISSION_DENIED".to_owned())
        );
    }
    assert_eq!(
        refused(suite.users().get_user(own).await).1,
        "CREDENTIALS_MISSING"
    );
    let answer = suite
        .users()
        .create_user(bearer(new_user("new@example.com"), &token))
        .await;
    assert_eq!(refused(answer).0, Code::PermissionDenied);
}

#[tokio::test]
async fn all_violations_of_a_request_come_at_once() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let message = pb::CreateUserRequest {
        email: "nobody".to_owned(),
        display_name: "x".repeat(201),
        password: "short".to_owned(),
        email_verified: false,
        request_id: "one".to_owned(),
    };
    let answer = suite.users().create_user(suite.root(message)).await;
    assert_eq!(
        fields(answer),
        ["email", "display_name", "password", "request_id"]
    );
    let message = pb::ListUsersRequest {
        page_size: -1,
        page_token: String::new(),
        email: "x".to_owned(),
    };
    assert_eq!(
        fields(suite.users().list_users(suite.root(message)).await),
        ["page_size", "email"]
    );
    let message = pb::BatchGetUsersRequest {
        users: vec!["a".to_owned(), "b".to_owned()],
    };
    assert_eq!(
        fields(suite.users().batch_get_users(suite.root(message)).await),
        ["users[0]", "users[1]"]
    );
}

#[tokio::test]
async fn the_shape_of_a_request_is_checked_before_the_right() {
    let suite = Suite::start(Bed::sqlite().await).await;
    suite.user("ada@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let answer = suite
        .users()
        .create_user(bearer(new_user("nobody"), &token))
        .await;
    assert_eq!(fields(answer), ["email"]);
}

#[tokio::test]
async fn methods_that_are_not_implemented_say_so() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let answer = suite
        .authentication()
        .register_customer(pb::RegisterCustomerRequest {})
        .await;
    assert_eq!(refused(answer), (Code::Unimplemented, "UNIMPLEMENTED".to_owned()));
}

fn update(user: UserId, display_name: &str, locale: &str, paths: &[&str]) -> pb::UpdateUserRequest {
    let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
    pb::UpdateUserRequest {
        user: user.to_string(),
        changes: Some(pb::UserChanges {
            display_name: display_name.to_owned(),
            locale: locale.to_owned(),
        }),
        update_mask: (!paths.is_empty()).then_some(prost_types::FieldMask { paths }),
    }
}

async fn users_change_their_own_profile_and_no_other_one(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let ben = suite.user("ben@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let change =
        async |request: pb::UpdateUserRequest| suite.users().update_user(bearer(request, &token)).await;
    let changed = change(update(ada, "Ada", "de-AT", &[]))
        .await
        .unwrap()
        .into_inner();
    assert!(!changed.token.is_empty());
    let user = suite.get(ada).await;
    assert_eq!(changed.user, Some(user.clone()));
    assert_eq!(
        (user.display_name.as_str(), user.locale.as_str(), user.version),
        ("Ada", "de-AT", 3)
    );
    change(update(ada, "", "fr", &["display_name"])).await.unwrap();
    let user = suite.get(ada).await;
    assert_eq!(
        (user.display_name.as_str(), user.locale.as_str(), user.version),
        ("", "de-AT", 4)
    );
    let invalid = change(update(ada, &"x".repeat(201), "no_tag", &[])).await;
    assert_eq!(fields(invalid), ["changes.display_name", "changes.locale"]);
    assert_eq!(fields(change(update(ada, "", "", &[])).await), ["changes"]);
    assert_eq!(
        fields(change(update(ada, "A", "", &["email"])).await),
        ["update_mask"]
    );
    let other = change(update(ben, "Ben", "", &[])).await;
    assert_eq!(refused(other).0, Code::PermissionDenied);
    let by_operator = suite.root(update(ben, "Ben", "", &[]));
    suite.users().update_user(by_operator).await.unwrap();
    assert_eq!(suite.get(ben).await.display_name, "Ben");
}
