//! `RotateServiceAccountSecret` and `DeleteServiceAccount`.

use std::time::Duration;

use bailiwick_proto::identity::v1 as pb;
use tonic::Code;

use crate::support::{Bed, PASSWORD, Suite, fields, on_both_engines, refused};

on_both_engines! {
    an_old_secret_dies_at_its_end
    a_third_live_secret_is_refused_unless_it_replaces_the_newer_one
    a_deleted_service_account_is_gone_with_its_tokens
}

const HOUR: Duration = Duration::from_hours(1);

async fn make(suite: &Suite) -> (String, String) {
    let message = pb::CreateServiceAccountRequest {
        title: "Reports".to_owned(),
        scope: "deployment".to_owned(),
        role: "service".to_owned(),
        request_id: String::new(),
    };
    let mut accounts = suite.service_accounts();
    let made = accounts.create_service_account(suite.root(message)).await;
    let made = made.unwrap().into_inner();
    (made.service_account.unwrap().service_account, made.secret)
}

fn request(id: &str) -> pb::RotateServiceAccountSecretRequest {
    pb::RotateServiceAccountSecretRequest {
        service_account: id.to_owned(),
        old_secret_lifetime: Some(prost_types::Duration {
            seconds: 3_600,
            nanos: 0,
        }),
        ..Default::default()
    }
}

async fn rotate(
    suite: &Suite,
    message: pb::RotateServiceAccountSecretRequest,
) -> Result<pb::RotateServiceAccountSecretResponse, tonic::Status> {
    let mut accounts = suite.service_accounts();
    let done = accounts.rotate_service_account_secret(suite.root(message)).await;
    Ok(done?.into_inner())
}

async fn issue(suite: &Suite, id: &str, secret: &str) -> Result<String, tonic::Status> {
    let message = pb::IssueTokenRequest {
        client_id: id.to_owned(),
        client_secret: secret.to_owned(),
    };
    Ok(suite
        .tokens()
        .issue_token(message)
        .await?
        .into_inner()
        .access_token)
}

async fn an_old_secret_dies_at_its_end(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (id, old) = make(&suite).await;
    let done = rotate(&suite, request(&id)).await.unwrap();
    assert_eq!(done.service_account.unwrap().service_account, id);
    assert_eq!(
        done.old_secret_expire_time.unwrap().seconds,
        1_767_603_600 + 3_600
    );
    for secret in [&old, &done.secret] {
        issue(&suite, &id, secret).await.unwrap();
    }
    suite.bed.clock.advance(HOUR);
    let wrong = (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned());
    assert_eq!(refused(issue(&suite, &id, &old).await), wrong);
    issue(&suite, &id, &done.secret).await.unwrap();
}

async fn a_third_live_secret_is_refused_unless_it_replaces_the_newer_one(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (id, old) = make(&suite).await;
    let asked = pb::RotateServiceAccountSecretRequest {
        request_id: "4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d21".to_owned(),
        ..request(&id)
    };
    // The answer is lost; the same request is answered again, without the secret.
    let lost = rotate(&suite, asked.clone()).await.unwrap().secret;
    assert_eq!(rotate(&suite, asked).await.unwrap().secret, "");
    let full = (Code::FailedPrecondition, "LIMIT_REACHED".to_owned());
    assert_eq!(refused(rotate(&suite, request(&id)).await), full);
    let again = pb::RotateServiceAccountSecretRequest {
        replace_new: true,
        ..request(&id)
    };
    let new = rotate(&suite, again).await.unwrap().secret;
    issue(&suite, &id, &old).await.unwrap();
    issue(&suite, &id, &new).await.unwrap();
    assert_eq!(refused(issue(&suite, &id, &lost).await).0, Code::Unauthenticated);
    let odd = pb::RotateServiceAccountSecretRequest {
        service_account: "x".to_owned(),
        old_secret_lifetime: Some(prost_types::Duration {
            seconds: 91 * 86_400,
            nanos: 0,
        }),
        request_id: "y".to_owned(),
        ..Default::default()
    };
    let named = ["service_account", "old_secret_lifetime", "request_id"];
    assert_eq!(fields(rotate(&suite, odd).await), named);
}

async fn a_deleted_service_account_is_gone_with_its_tokens(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (id, secret) = make(&suite).await;
    let token = issue(&suite, &id, &secret).await.unwrap();
    suite.authenticator.verify(&token).await.unwrap();
    let message = pb::DeleteServiceAccountRequest {
        service_account: id.clone(),
    };
    let delete = async || {
        let mut accounts = suite.service_accounts();
        accounts.delete_service_account(suite.root(message.clone())).await
    };
    let step_up = (Code::Unauthenticated, "STEP_UP_REQUIRED".to_owned());
    assert_eq!(refused(delete().await), step_up);
    issue(&suite, &id, &secret).await.unwrap();
    let again = pb::ReauthenticateRequest {
        password: PASSWORD.to_owned(),
        method: "bailiwick.identity.v1.ServiceAccountService/DeleteServiceAccount".to_owned(),
        ..Default::default()
    };
    let again = suite.root(again);
    suite.authentication().reauthenticate(again).await.unwrap();
    delete().await.unwrap();
    let wrong = (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned());
    assert_eq!(refused(issue(&suite, &id, &secret).await), wrong);
    assert!(suite.authenticator.verify(&token).await.is_err());
    assert!(
        suite.another().await.verify(&token).await.is_err(),
        "after a restart"
    );
    let get = pb::GetServiceAccountRequest {
        service_account: id.clone(),
    };
    let found = suite
        .service_accounts()
        .get_service_account(suite.root(get))
        .await;
    assert_eq!(refused(found).0, Code::NotFound);
    assert_eq!(refused(rotate(&suite, request(&id)).await).0, Code::NotFound);
    let listed = suite.root(pb::ListServiceAccountsRequest::default());
    let listed = suite.service_accounts().list_service_accounts(listed).await;
    assert_eq!(listed.unwrap().into_inner().service_accounts, []);
}
