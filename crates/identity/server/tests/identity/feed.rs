//! What the others are told.

use std::time::Duration;

use bailiwick_proto::{
    events::v1::{UserState, change::Change},
    identity::v1 as pb,
};
use bailiwick_sql::OutboxRow;
use bailiwick_testkit::eventually;
use bailiwick_types::ScopeRoot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;

use crate::support::{Bed, PASSWORD, Suite, access, bearer, on_both_engines, refused};

on_both_engines! {
    every_change_is_told_with_its_version
    the_snapshot_holds_what_the_feed_told
    a_session_that_another_process_ended_is_forgotten
}

fn changes(row: &OutboxRow) -> Vec<Change> {
    row.changes
        .iter()
        .map(|bytes| bailiwick_feed::change(bytes).unwrap())
        .collect()
}

async fn every_change_is_told_with_its_version(bed: Bed) {
    let suite = Suite::start(bed).await;
    let start = suite.db.feed().settled_head().await.unwrap();
    let ada = suite.user("Ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let out = bearer(pb::SignOutRequest {}, &access(&signed_in));
    suite.authentication().sign_out(out).await.unwrap();
    let other = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let disable = pb::DisableUserRequest {
        user: ada.to_string(),
    };
    suite.users().disable_user(suite.root(disable)).await.unwrap();
    suite.db.feed().settled_head().await.unwrap();
    let rows = suite.db.feed().read(&start, 100).await.unwrap().rows;
    assert_eq!(rows.len(), 5, "a sign-in is told for the audit log");
    assert!(rows.iter().all(|row| row.root == ScopeRoot::User(ada)));
    assert_eq!(
        rows.iter().map(|row| row.revision).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );
    let made = changes(&rows[0]);
    let Change::UserChanged(user) = &made[0] else {
        panic!("{made:?}")
    };
    assert_eq!(
        (user.version, user.state(), user.operator),
        (1, UserState::Active, false)
    );
    assert_eq!(
        (user.email.as_str(), user.email_verified),
        ("Ada@example.com", true)
    );
    let Change::Audited(audited) = &made[1] else {
        panic!("{made:?}")
    };
    assert_eq!(audited.action, "bailiwick.identity.v1.UserService/CreateUser");
    assert!(audited.actor.starts_with("user:user_"), "{audited:?}");
    let ended = changes(&rows[2]);
    let Change::SessionRevoked(gone) = &ended[0] else {
        panic!("{ended:?}")
    };
    assert_eq!((&gone.session, &gone.user), (&signed_in.session, &signed_in.user));
    let disabled = changes(&rows[4]);
    let Change::UserChanged(user) = &disabled[0] else {
        panic!("{disabled:?}")
    };
    assert_eq!((user.version, user.state()), (5, UserState::Disabled));
    let Change::SessionRevoked(gone) = &disabled[1] else {
        panic!("{disabled:?}")
    };
    assert_eq!(gone.session, other.session, "the one that was live");
}

async fn the_snapshot_holds_what_the_feed_told(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let message = pb::CreateServiceAccountRequest {
        title: "Reports".to_owned(),
        scope: "product:sogolytics".to_owned(),
        role: "service".to_owned(),
        request_id: String::new(),
    };
    suite
        .service_accounts()
        .create_service_account(suite.root(message))
        .await
        .unwrap();
    let source = suite.service.snapshot();
    let (mut told, mut revisions, mut from) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let page = source.page(from.as_deref()).await.unwrap();
        told.extend(page.changes);
        revisions.extend(page.revisions);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let users = told
        .iter()
        .filter(|c| matches!(c, Change::UserChanged(_)))
        .count();
    assert_eq!(users, 2, "the operator too");
    let operators = told
        .iter()
        .filter(|c| matches!(c, Change::UserChanged(u) if u.operator))
        .count();
    assert_eq!(operators, 1);
    let Some(Change::ServiceAccountChanged(account)) = told.last() else {
        panic!("{told:?}")
    };
    assert_eq!(
        (account.scope.as_str(), account.role.as_str(), account.enabled),
        ("product:sogolytics", "service", true)
    );
    assert!(revisions.contains(&(ScopeRoot::User(ada), 1)));
    assert!(revisions.contains(&(ScopeRoot::Deployment, account.version)));
}

async fn a_session_that_another_process_ended_is_forgotten(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    suite.service.start(suite.authenticator.clone(), &tasks, &stop);
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    let session = signed_in.session.parse().unwrap();
    let own = || {
        let message = pb::GetUserRequest {
            user: ada.to_string(),
        };
        let request = bearer(message, &access(&signed_in));
        let mut users = suite.users();
        async move { users.get_user(request).await }
    };
    own().await.unwrap();
    // As a process of its own does: the row, and the change in the feed.
    let elsewhere = suite.bed.db().await;
    let store = bailiwick_identity_server::SqlStore::new(elsewhere.clone());
    let root = ScopeRoot::User(ada);
    use bailiwick_identity_core::store::Store as _;
    let gone = async || {
        let mut unit = store.write(std::slice::from_ref(&root)).await.unwrap();
        let change = bailiwick_identity_core::change::Change::SessionRevoked { session, user: ada };
        unit.emit(&root, change).unwrap();
        unit.commit().await.unwrap();
        own().await.is_err()
    };
    eventually("the session is forgotten", Duration::from_secs(20), gone).await;
    assert_eq!(
        refused(own().await),
        (Code::Unauthenticated, "CREDENTIALS_INVALID".to_owned())
    );
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    elsewhere.close().await;
}
