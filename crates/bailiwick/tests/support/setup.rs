//! What most tests set up through the API: a product, an account, people in it. What is refused fails the
//! test.

use bailiwick_client::Client;
use bailiwick_proto::{
    authorization::v1::{ApplyProductRequest, AssignRoleRequest, CreateMemberRequest},
    identity::v1::CreateUserRequest,
    tenancy::v1::CreateAccountRequest,
};

use super::root;

/// Applies a shipped product.
pub async fn apply(client: &Client, product: &str) {
    let file = root().join(format!("products/{product}.yaml"));
    let apply = ApplyProductRequest {
        manifest: std::fs::read_to_string(file).unwrap(),
        ..Default::default()
    };
    client
        .authorization()
        .product()
        .apply_product(apply)
        .await
        .unwrap();
}

/// Makes an account, with a holder of its single-holder role where one is named.
pub async fn account(client: &Client, product: &str, title: &str, owner: Option<&str>) -> String {
    let request = CreateAccountRequest {
        product: product.into(),
        title: title.into(),
        owner: owner.map(|user| format!("user:{user}")).unwrap_or_default(),
        ..Default::default()
    };
    let made = client.tenancy().account().create_account(request).await.unwrap();
    made.into_inner().account.unwrap().account
}

/// Makes a user with a proved e-mail address.
pub async fn user(client: &Client, email: &str) -> String {
    let request = CreateUserRequest {
        email: email.into(),
        email_verified: true,
        ..Default::default()
    };
    let made = client.identity().user().create_user(request).await.unwrap();
    made.into_inner().user.unwrap().user
}

/// Makes a user a member of an account, with a role there.
pub async fn member(client: &Client, account: &str, user: &str, role: &str) {
    join(client, account, user).await;
    assign(client, account, user, role).await;
}

/// Makes a user a member of an account.
pub async fn join(client: &Client, account: &str, user: &str) {
    let request = CreateMemberRequest {
        account: account.into(),
        user: user.into(),
        ..Default::default()
    };
    client
        .authorization()
        .member()
        .create_member(request)
        .await
        .unwrap();
}

/// Gives a user a role on an account.
pub async fn assign(client: &Client, account: &str, user: &str, role: &str) {
    let request = AssignRoleRequest {
        account: account.into(),
        subject: format!("user:{user}"),
        role: role.into(),
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
