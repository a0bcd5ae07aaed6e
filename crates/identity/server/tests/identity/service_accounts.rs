//! `ServiceAccountService` and `TokenService`.

use std::time::Duration;

use bailiwick_proto::{events::v1::change::Change, identity::v1 as pb};
use bailiwick_testkit::eventually;
use bailiwick_types::{CallerKind, ScopeRoot, Service, ServiceAccountId, Subject};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use tonic_types::StatusExt;

use crate::support::{Bed, PASSWORD, Suite, access, account, bearer, fields, on_both_engines, refused};

on_both_engines! {
    a_service_account_gets_tokens_with_its_secret
    a_disabled_service_account_gets_none
    an_interrupted_disabling_of_a_service_account_is_finished_later
    service_accounts_are_listed_by_id
    everybody_is_told_who_made_a_service_account
    a_service_account_is_made_once_authorization_answers
    one_that_was_made_for_an_account_has_tokens_for_it_alone
}

fn request(title: &str) -> pb::CreateServiceAccountRequest {
    pb::CreateServiceAccountRequest {
        title: title.to_owned(),
        scope: "deployment".to_owned(),
        role: "service".to_owned(),
        request_id: String::new(),
    }
}

async fn make(suite: &Suite, title: &str) -> pb::CreateServiceAccountResponse {
    suite
        .service_accounts()
        .create_service_account(suite.root(request(title)))
        .await
        .unwrap()
        .into_inner()
}

async fn issue(suite: &Suite, id: &str, secret: &str) -> Result<pb::IssueTokenResponse, tonic::Status> {
    let message = pb::IssueTokenRequest {
        client_id: id.to_owned(),
        client_secret: secret.to_owned(),
    };
    Ok(suite.tokens().issue_token(message).await?.into_inner())
}

async fn a_service_account_gets_tokens_with_its_secret(bed: Bed) {
    let suite = Suite::start(bed).await;
    let made = make(&suite, "Reports").await;
    let account = made.service_account.unwrap();
    assert_eq!(
        (account.scope.as_str(), account.role.as_str(), account.enabled),
        ("deployment", "service", true)
    );
    let token = bailiwick_rpc::token::decode(&made.token).unwrap();
    assert!(token.wanted(Service::Identity, &ScopeRoot::Deployment).is_some());
    let issued = issue(&suite, &account.service_account, &made.secret)
        .await
        .unwrap();
    assert_eq!(issued.expire_time.unwrap().seconds, 1_767_603_600 + 300);
    let caller = suite.authenticator.verify(&issued.access_token).await.unwrap();
    assert_eq!(caller.kind(), CallerKind::Service);
    assert_eq!(caller.subject().unwrap().id(), account.service_account);
    assert_eq!((caller.session(), caller.account()), (None, None));
    let nobody = ServiceAccountId::from_uuid(uuid::Uuid::from_u128(1)).to_string();
    let wrong = (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned());
    assert_eq!(
        refused(issue(&suite, &account.service_account, "bwc_wrong").await),
        wrong
    );
    assert_eq!(refused(issue(&suite, &nobody, &made.secret).await), wrong);
    assert_eq!(refused(issue(&suite, "somebody", &made.secret).await), wrong);
    // A service account is no user: it has no session to end.
    let out = bearer(pb::SignOutRequest {}, &issued.access_token);
    assert_eq!(
        refused(suite.authentication().sign_out(out).await).0,
        Code::PermissionDenied
    );
}

async fn a_disabled_service_account_gets_none(bed: Bed) {
    let suite = Suite::start(bed).await;
    let made = make(&suite, "Reports").await;
    let id = made.service_account.unwrap().service_account;
    let issued = issue(&suite, &id, &made.secret).await.unwrap();
    suite.authenticator.verify(&issued.access_token).await.unwrap();
    let message = pb::DisableServiceAccountRequest {
        service_account: id.clone(),
    };
    let done = suite
        .service_accounts()
        .disable_service_account(suite.root(message.clone()))
        .await
        .unwrap();
    assert!(!done.into_inner().service_account.unwrap().enabled);
    suite
        .service_accounts()
        .disable_service_account(suite.root(message))
        .await
        .unwrap();
    assert_eq!(
        refused(issue(&suite, &id, &made.secret).await).1,
        "CREDENTIALS_INVALID"
    );
    assert!(suite.authenticator.verify(&issued.access_token).await.is_err());
    let get = pb::GetServiceAccountRequest { service_account: id };
    let found = suite
        .service_accounts()
        .get_service_account(suite.root(get))
        .await
        .unwrap()
        .into_inner();
    assert!(!found.service_account.unwrap().enabled);
}

async fn an_interrupted_disabling_of_a_service_account_is_finished_later(bed: Bed) {
    let suite = Suite::start(bed).await;
    let made = make(&suite, "Reports").await;
    let account = made.service_account.unwrap();
    let id: ServiceAccountId = account.service_account.parse().unwrap();
    suite.authorization.is_unavailable(true);
    let message = pb::DisableServiceAccountRequest {
        service_account: id.to_string(),
    };
    let mut service_accounts = suite.service_accounts();
    let interrupted = service_accounts.disable_service_account(suite.root(message));
    assert_eq!(refused(interrupted.await).0, Code::Unavailable);
    // Less access, never more: the intent alone stops tokens.
    assert_eq!(
        refused(issue(&suite, &account.service_account, &made.secret).await).1,
        "CREDENTIALS_INVALID"
    );
    suite.authorization.is_unavailable(false);
    suite.bed.clock.advance(Duration::from_secs(11));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    suite.service.start(suite.authenticator.clone(), &tasks, &stop);
    let get = || pb::GetServiceAccountRequest {
        service_account: id.to_string(),
    };
    let disabled = async || {
        let found = suite
            .service_accounts()
            .get_service_account(suite.root(get()))
            .await;
        !found.unwrap().into_inner().service_account.unwrap().enabled
    };
    eventually(
        "the service account is disabled",
        Duration::from_secs(20),
        disabled,
    )
    .await;
    let closed = suite.authorization.closed_services.lock().unwrap().clone();
    assert!(closed.contains_key(&id), "authorization first: {closed:?}");
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

async fn service_accounts_are_listed_by_id(bed: Bed) {
    let suite = Suite::start(bed).await;
    for n in 0..3 {
        make(&suite, &format!("S{n}")).await;
    }
    let first = pb::ListServiceAccountsRequest {
        page_size: 2,
        page_token: String::new(),
    };
    let first = suite
        .service_accounts()
        .list_service_accounts(suite.root(first))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.service_accounts.len(), 2);
    let second = pb::ListServiceAccountsRequest {
        page_size: 2,
        page_token: first.next_page_token,
    };
    let second = suite
        .service_accounts()
        .list_service_accounts(suite.root(second))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (second.service_accounts.len(), second.next_page_token.as_str()),
        (1, "")
    );
    suite.user("ada@example.com").await;
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let asked = bearer(pb::ListServiceAccountsRequest::default(), &token);
    assert_eq!(
        refused(suite.service_accounts().list_service_accounts(asked).await).0,
        Code::PermissionDenied
    );
}

async fn everybody_is_told_who_made_a_service_account(bed: Bed) {
    let suite = Suite::start(bed).await;
    let start = suite.db.feed().settled_head().await.unwrap();
    let root = suite.authenticator.verify(&suite.operator).await.unwrap();
    let root = root.subject().cloned().unwrap();
    let made = make(&suite, "Factory").await;
    let factory = made.service_account.unwrap();
    assert_eq!(factory.creator, root.as_str());
    // One that may makes another.
    let issued = issue(&suite, &factory.service_account, &made.secret)
        .await
        .unwrap();
    let maker = Subject::service(factory.service_account.parse().unwrap());
    let denied = suite
        .service_accounts()
        .create_service_account(bearer(request("Too early"), &issued.access_token))
        .await;
    assert_eq!(refused(denied).0, Code::PermissionDenied);
    suite
        .authorization
        .operators
        .lock()
        .unwrap()
        .insert(maker.clone());
    let second = suite
        .service_accounts()
        .create_service_account(bearer(request("Reports"), &issued.access_token))
        .await
        .unwrap()
        .into_inner()
        .service_account
        .unwrap();
    assert_eq!(second.creator, maker.as_str());
    let disable = pb::DisableServiceAccountRequest {
        service_account: second.service_account.clone(),
    };
    let disabled = suite
        .service_accounts()
        .disable_service_account(suite.root(disable))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(disabled.service_account.unwrap().creator, maker.as_str());
    let list = suite.root(pb::ListServiceAccountsRequest::default());
    let all = suite
        .service_accounts()
        .list_service_accounts(list)
        .await
        .unwrap();
    let all = all.into_inner().service_accounts;
    let creators: Vec<&str> = all.iter().map(|one| one.creator.as_str()).collect();
    assert_eq!(creators, [root.as_str(), maker.as_str()]);
    // The feed, and the snapshot for those who start anew.
    suite.db.feed().settled_head().await.unwrap();
    let rows = suite.db.feed().read(&start, 100).await.unwrap().rows;
    let told = rows.iter().flat_map(|row| &row.changes);
    let told = told.map(|bytes| bailiwick_feed::change(bytes).unwrap());
    assert_eq!(
        makers(told),
        [
            (factory.service_account.clone(), true, root.to_string()),
            (second.service_account.clone(), true, maker.to_string()),
            (second.service_account.clone(), false, maker.to_string()),
        ]
    );
    let source = suite.service.snapshot();
    let (mut told, mut from) = (Vec::new(), None::<String>);
    loop {
        let page = source.page(from.as_deref()).await.unwrap();
        told.extend(page.changes);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(
        makers(told),
        [
            (factory.service_account, true, root.to_string()),
            (second.service_account, false, maker.to_string()),
        ]
    );
}

/// Which service accounts changes tell of, whether they are enabled, and who made them.
fn makers(changes: impl IntoIterator<Item = Change>) -> Vec<(String, bool, String)> {
    let made = |change| match change {
        Change::ServiceAccountChanged(of) => Some((of.service_account, of.enabled, of.creator)),
        _ => None,
    };
    changes.into_iter().filter_map(made).collect()
}

async fn a_service_account_is_made_once_authorization_answers(bed: Bed) {
    let suite = Suite::start(bed).await;
    let create = async || {
        let message = pb::CreateServiceAccountRequest {
            request_id: "4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d21".to_owned(),
            ..request("Reports")
        };
        let mut accounts = suite.service_accounts();
        accounts.create_service_account(suite.root(message)).await
    };
    let count = async || {
        let list = pb::ListServiceAccountsRequest::default();
        let page = suite
            .service_accounts()
            .list_service_accounts(suite.root(list))
            .await;
        page.unwrap().into_inner().service_accounts.len()
    };
    suite.authorization.is_unavailable(true);
    let status = create().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let retry = status.get_error_details().retry_info().cloned();
    assert!(retry.is_some_and(|retry| retry.retry_delay.is_some()));
    assert_eq!(count().await, 0);
    suite.authorization.is_unavailable(false);
    let made = create().await.unwrap().into_inner();
    assert!(!made.secret.is_empty());
    // The same request is answered from what was made, also while authorization is away.
    suite.authorization.is_unavailable(true);
    let again = create().await.unwrap().into_inner();
    assert_eq!(
        (again.service_account, &*again.secret),
        (made.service_account, "")
    );
    assert_eq!(count().await, 1);
}

async fn one_that_was_made_for_an_account_has_tokens_for_it_alone(bed: Bed) {
    let suite = Suite::start(bed).await;
    let message = pb::CreateServiceAccountRequest {
        scope: format!("account:{}", account(1)),
        role: "viewer".to_owned(),
        ..request("Reports")
    };
    let made = suite
        .service_accounts()
        .create_service_account(suite.root(message))
        .await;
    let made = made.unwrap().into_inner();
    let id = made.service_account.unwrap().service_account;
    let issued = issue(&suite, &id, &made.secret).await.unwrap();
    let caller = suite.authenticator.verify(&issued.access_token).await.unwrap();
    assert_eq!(
        (caller.kind(), caller.account()),
        (CallerKind::Service, Some(account(1)))
    );
}

#[tokio::test]
async fn all_violations_of_a_service_account_come_at_once() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let message = pb::CreateServiceAccountRequest {
        title: String::new(),
        scope: "workspace:ws_1".to_owned(),
        role: "No Role".to_owned(),
        request_id: "x".to_owned(),
    };
    let answer = suite
        .service_accounts()
        .create_service_account(suite.root(message))
        .await;
    assert_eq!(fields(answer), ["title", "scope", "role", "request_id"]);
}

#[tokio::test]
async fn the_key_set_verifies_what_is_signed() {
    let suite = Suite::start(Bed::sqlite().await).await;
    let jwks = suite
        .tokens()
        .get_jwks(pb::GetJwksRequest {})
        .await
        .unwrap()
        .into_inner()
        .jwks;
    let keys = bailiwick_rpc::VerificationKeys::from_jwks(&jwks).unwrap();
    assert_eq!(keys.len(), 1);
    assert!(!jwks.contains("\"d\""), "no private part");
}
