//! Deleting users.

use std::time::Duration;

use bailiwick_identity_server::{IdentityConfig, MailConfig};
use bailiwick_proto::{events::v1::change::Change, identity::v1 as pb};
use bailiwick_rpc::ServerConfig;
use bailiwick_sql::Cursor;
use bailiwick_testkit::{Content, eventually};
use bailiwick_types::UserId;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::support::{Bed, PASSWORD, Suite, access, bearer, on_both_engines, refresh, refused};

on_both_engines! {
    a_search_of_database_and_mails_finds_nothing_of_a_deleted_user
    a_deleted_user_is_refused_and_its_address_is_free
    an_interrupted_deletion_is_finished_later
    users_delete_themselves_after_a_step_up_and_nobody_else
    of_ten_deletions_at_once_one_is_told
}

const METHOD: &str = "bailiwick.identity.v1.UserService/DeleteUser";
const EMAIL: &str = "Ada.Lovelace@Example.com";
const NAME: &str = "Augusta Ada King";

async fn step_up(suite: &Suite, token: &str) {
    let message = pb::ReauthenticateRequest {
        password: PASSWORD.to_owned(),
        method: METHOD.to_owned(),
        ..Default::default()
    };
    let done = suite
        .authentication()
        .reauthenticate(bearer(message, token))
        .await;
    done.unwrap();
}

async fn delete_as(suite: &Suite, user: UserId, token: &str) -> Result<(), Status> {
    let message = pb::DeleteUserRequest {
        user: user.to_string(),
    };
    suite.users().delete_user(bearer(message, token)).await.map(drop)
}

async fn delete(suite: &Suite, user: UserId) -> Result<(), Status> {
    step_up(suite, &suite.operator).await;
    delete_as(suite, user, &suite.operator).await
}

/// A user with a name.
async fn named(suite: &Suite) -> UserId {
    let message = pb::CreateUserRequest {
        email: EMAIL.to_owned(),
        display_name: NAME.to_owned(),
        password: PASSWORD.to_owned(),
        ..Default::default()
    };
    let made = suite.users().create_user(suite.root(message)).await.unwrap();
    made.into_inner().user.unwrap().user.parse().unwrap()
}

/// The changes of the feed.
async fn changes(suite: &Suite) -> Vec<Change> {
    let start = Cursor {
        position: 0,
        ..suite.db.feed().settled_head().await.unwrap()
    };
    let rows = suite.db.feed().read(&start, 1_000).await.unwrap().rows;
    let changes = rows.iter().flat_map(|row| &row.changes);
    changes
        .map(|bytes| bailiwick_feed::change(bytes).unwrap())
        .collect()
}

fn is_deletion(change: &Change) -> bool {
    matches!(change, Change::UserChanged(of) if of.state() == bailiwick_proto::events::v1::UserState::Deleted)
}

async fn a_search_of_database_and_mails_finds_nothing_of_a_deleted_user(bed: Bed) {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mail");
    let config = IdentityConfig {
        mail: MailConfig {
            directory: Some(mails.clone()),
            ..MailConfig::default()
        },
        ..IdentityConfig::for_tests()
    };
    let server = ServerConfig::default();
    let suite = Suite::configured(bed, server, config, "root@example.com", PASSWORD).await;
    let (stop, ada) = (CancellationToken::new(), named(&suite).await);
    let signed_in = suite.sign_in(EMAIL, PASSWORD, None).await.unwrap();
    refused(suite.sign_in(EMAIL, "not the password of it", None).await);
    let token = access(&signed_in);
    let verify = pb::SendVerificationRequest {};
    suite
        .authentication()
        .send_verification(bearer(verify, &token))
        .await
        .unwrap();
    suite.work(&stop).await;
    let sent = async || std::fs::read_dir(&mails).is_ok_and(|files| files.count() > 0);
    eventually("a mail", Duration::from_secs(30), sent).await;
    stop.cancel();
    let content = async |name: &str| {
        let mut content = Content::default();
        match suite.bed.database.on_server() {
            Some(database) => content.add(&database.content().await.unwrap()),
            None => {
                let file = folder.path().join(name);
                suite.db.backup(&file).await.unwrap();
                content.add_path(&file).unwrap();
            }
        }
        if mails.exists() {
            content.add_path(&mails).unwrap();
        }
        content
    };
    let before = content("before").await;
    assert!(
        before.names(EMAIL) && before.names(NAME),
        "there is something to find"
    );
    delete(&suite, ada).await.unwrap();
    assert_eq!(*suite.authorization.erased.lock().unwrap(), [EMAIL]);
    let after = content("after").await;
    for text in [EMAIL, NAME, "Lovelace", "Augusta"] {
        assert!(!after.names(text), "`{text}` is still there");
    }
    let deletions = changes(&suite).await;
    assert_eq!(deletions.iter().filter(|change| is_deletion(change)).count(), 1);
}

async fn a_deleted_user_is_refused_and_its_address_is_free(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    delete(&suite, ada).await.unwrap();
    let message = pb::GetUserRequest {
        user: ada.to_string(),
    };
    let own = bearer(message.clone(), &access(&signed_in));
    let own = suite.users().get_user(own).await;
    assert_eq!(refused(own).1, "CREDENTIALS_INVALID");
    // A process that starts now has not heard of the end of the session.
    let another = suite.another().await;
    let token = access(&signed_in);
    assert!(another.verify(&token).await.is_err());
    let message_refresh = pb::RefreshRequest {
        refresh_token: refresh(&signed_in),
    };
    let refreshed = suite.authentication().refresh(message_refresh).await;
    assert_eq!(refused(refreshed).1, "CREDENTIALS_INVALID");
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await;
    assert_eq!(refused(signed_in).1, "CREDENTIALS_INVALID");
    let found = suite.users().get_user(suite.root(message)).await;
    assert_eq!(refused(found).0, Code::NotFound);
    delete(&suite, ada).await.unwrap();
    let nobody = UserId::from_uuid(uuid::Uuid::from_u128(1));
    assert_eq!(refused(delete(&suite, nobody).await).0, Code::NotFound);
    assert_ne!(suite.user("ADA@example.com").await, ada);
}

async fn an_interrupted_deletion_is_finished_later(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = named(&suite).await;
    suite.authorization.is_unavailable(true);
    assert_eq!(refused(delete(&suite, ada).await).0, Code::Unavailable);
    let signed_in = suite.sign_in(EMAIL, PASSWORD, None).await;
    assert_eq!(refused(signed_in).1, "CREDENTIALS_INVALID");
    suite.authorization.is_unavailable(false);
    suite.bed.clock.advance(Duration::from_secs(11));
    // Another process takes over.
    let stop = CancellationToken::new();
    suite.work(&stop).await;
    let gone = async || {
        let message = pb::GetUserRequest {
            user: ada.to_string(),
        };
        suite.users().get_user(suite.root(message)).await.is_err()
    };
    eventually("the user is deleted", Duration::from_secs(30), gone).await;
    stop.cancel();
}

async fn users_delete_themselves_after_a_step_up_and_nobody_else(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (ada, ben) = (
        suite.user("ada@example.com").await,
        suite.user("ben@example.com").await,
    );
    let token = access(&suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap());
    let without = delete_as(&suite, ada, &token).await;
    assert_eq!(refused(without).1, "STEP_UP_REQUIRED");
    step_up(&suite, &token).await;
    let other = delete_as(&suite, ben, &token).await;
    assert_eq!(refused(other).0, Code::PermissionDenied);
    delete_as(&suite, ada, &token).await.unwrap();
    assert_eq!(suite.get(ben).await.user, ben.to_string());
}

async fn of_ten_deletions_at_once_one_is_told(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    step_up(&suite, &suite.operator).await;
    // The same request, repeated, consumes the one step-up.
    let calls = (0..10).map(|_| delete_as(&suite, ada, &suite.operator));
    for done in futures_util::future::join_all(calls).await {
        done.unwrap();
    }
    let told = changes(&suite).await;
    assert_eq!(told.iter().filter(|change| is_deletion(change)).count(), 1);
}
