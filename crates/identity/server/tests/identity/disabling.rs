//! Disabling and enabling users.

use std::time::Duration;

use bailiwick_proto::identity::v1 as pb;
use bailiwick_testkit::eventually;
use bailiwick_types::UserId;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;

use crate::support::{Bed, PASSWORD, Suite, access, bearer, on_both_engines, refresh, refused};

on_both_engines! {
    a_disabled_user_has_no_session_and_gets_none
    an_enabled_user_signs_in_again
    an_interrupted_disabling_is_finished_later
}

async fn disable(suite: &Suite, user: UserId) -> Result<pb::User, tonic::Status> {
    let message = pb::DisableUserRequest {
        user: user.to_string(),
    };
    Ok(suite
        .users()
        .disable_user(suite.root(message))
        .await?
        .into_inner()
        .user
        .unwrap())
}

async fn enable(suite: &Suite, user: UserId) -> Result<pb::User, tonic::Status> {
    let message = pb::EnableUserRequest {
        user: user.to_string(),
    };
    Ok(suite
        .users()
        .enable_user(suite.root(message))
        .await?
        .into_inner()
        .user
        .unwrap())
}

async fn own_profile(suite: &Suite, user: UserId, token: &str) -> Result<(), tonic::Status> {
    let message = pb::GetUserRequest {
        user: user.to_string(),
    };
    suite.users().get_user(bearer(message, token)).await.map(drop)
}

async fn a_disabled_user_has_no_session_and_gets_none(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    own_profile(&suite, ada, &access(&signed_in)).await.unwrap();
    let user = disable(&suite, ada).await.unwrap();
    assert_eq!((user.state(), user.version), (pb::UserState::Disabled, 3));
    assert_eq!(
        suite.authorization.closed.lock().unwrap().get(&ada),
        Some(&3),
        "authorization first"
    );
    assert_eq!(
        refused(own_profile(&suite, ada, &access(&signed_in)).await).1,
        "CREDENTIALS_INVALID"
    );
    assert_eq!(
        refused(suite.sign_in("ada@example.com", PASSWORD, None).await).1,
        "CREDENTIALS_INVALID"
    );
    let message = pb::RefreshRequest {
        refresh_token: refresh(&signed_in),
    };
    assert_eq!(
        refused(suite.authentication().refresh(message).await).1,
        "CREDENTIALS_INVALID"
    );
    assert_eq!(
        disable(&suite, ada).await.unwrap(),
        user,
        "once more changes nothing"
    );
    let nobody = UserId::from_uuid(uuid::Uuid::from_u128(1));
    assert_eq!(refused(disable(&suite, nobody).await).0, Code::NotFound);
}

async fn an_enabled_user_signs_in_again(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    disable(&suite, ada).await.unwrap();
    suite.bed.clock.advance(Duration::from_secs(1));
    let user = enable(&suite, ada).await.unwrap();
    assert_eq!((user.state(), user.version), (pb::UserState::Active, 3));
    assert_eq!(
        enable(&suite, ada).await.unwrap(),
        user,
        "once more changes nothing"
    );
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    own_profile(&suite, ada, &access(&signed_in)).await.unwrap();
}

async fn an_interrupted_disabling_is_finished_later(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let signed_in = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    suite.authorization.is_unavailable(true);
    assert_eq!(refused(disable(&suite, ada).await).0, Code::Unavailable);
    // Less access, never more: the intent alone stops sign-ins.
    assert_eq!(
        refused(suite.sign_in("ada@example.com", PASSWORD, None).await).1,
        "CREDENTIALS_INVALID"
    );
    assert_eq!(
        refused(enable(&suite, ada).await),
        (Code::Aborted, "CONFLICT".to_owned())
    );
    suite.authorization.is_unavailable(false);
    suite.bed.clock.advance(Duration::from_secs(11));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    suite.service.start(suite.authenticator.clone(), &tasks, &stop);
    let disabled = async || suite.get(ada).await.state() == pb::UserState::Disabled;
    eventually("the user is disabled", Duration::from_secs(20), disabled).await;
    assert_eq!(suite.authorization.closed.lock().unwrap().get(&ada), Some(&3));
    assert_eq!(
        refused(own_profile(&suite, ada, &access(&signed_in)).await).1,
        "CREDENTIALS_INVALID"
    );
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
