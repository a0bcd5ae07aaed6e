//! Sessions and refresh tokens.

use bailiwick_identity_core::{
    secret::Digest,
    session::{Reader as _, RefreshToken, Session},
    store::Store as _,
};
use bailiwick_identity_server::SqlStore;
use bailiwick_types::{SessionId, Timestamp};

use super::users::{add, user};
use crate::support::{Bed, account, on_both_engines};

on_both_engines! {
    a_session_lives_until_it_is_ended_or_expires
    a_refresh_token_is_used_once_and_in_time
    a_step_up_is_consumed_once_and_in_time
    expired_sessions_go_with_their_tokens
}

const NOW: Timestamp = Timestamp(1_000);

fn session(n: u128) -> Session {
    Session {
        id: SessionId::from_uuid(uuid::Uuid::from_u128(n)),
        user: user(1, "ada@example.com").id,
        account: Some(account(5)),
        created: Timestamp(900),
        expires: Timestamp(2_000),
        ended: None,
        stepped_up: None,
    }
}

fn token(n: u8, session: &Session) -> RefreshToken {
    RefreshToken {
        digest: Digest::from_bytes([n; 32]),
        session: session.id,
        created: Timestamp(900),
        expires: Timestamp(1_500),
        used: None,
    }
}

async fn store(bed: &Bed) -> SqlStore {
    let store = SqlStore::new(bed.db().await);
    add(&store, &user(1, "ada@example.com")).await;
    let mut unit = store.write(&[]).await.unwrap();
    unit.insert_session(&session(1)).await.unwrap();
    unit.insert_refresh_token(&token(1, &session(1))).await.unwrap();
    unit.commit().await.unwrap();
    store
}

async fn a_session_lives_until_it_is_ended_or_expires(bed: Bed) {
    let store = store(&bed).await;
    let one = session(1);
    assert_eq!(store.session(one.id).await.unwrap(), Some(one.clone()));
    let mut unit = store.write(&[]).await.unwrap();
    assert_eq!(unit.live_sessions(one.user, NOW).await.unwrap(), [one.id]);
    assert_eq!(unit.live_sessions(one.user, one.expires).await.unwrap(), []);
    assert!(
        !unit.end_session(one.id, one.expires).await.unwrap(),
        "it is over by itself"
    );
    assert!(unit.end_session(one.id, NOW).await.unwrap());
    assert!(!unit.end_session(one.id, NOW).await.unwrap(), "once");
    assert_eq!(unit.live_sessions(one.user, NOW).await.unwrap(), []);
    assert_eq!(unit.session(one.id).await.unwrap().unwrap().ended, Some(NOW));
}

async fn a_refresh_token_is_used_once_and_in_time(bed: Bed) {
    let store = store(&bed).await;
    let one = token(1, &session(1));
    assert_eq!(store.refresh_token(&one.digest).await.unwrap(), Some(one.clone()));
    let mut unit = store.write(&[]).await.unwrap();
    assert!(
        !unit.use_refresh_token(&one.digest, one.expires).await.unwrap(),
        "too late"
    );
    assert!(unit.use_refresh_token(&one.digest, NOW).await.unwrap());
    assert!(!unit.use_refresh_token(&one.digest, NOW).await.unwrap(), "once");
    assert!(
        !unit
            .use_refresh_token(&Digest::from_bytes([9; 32]), NOW)
            .await
            .unwrap(),
        "unknown"
    );
    unit.commit().await.unwrap();
    assert_eq!(
        store.refresh_token(&one.digest).await.unwrap().unwrap().used,
        Some(NOW)
    );
}

async fn a_step_up_is_consumed_once_and_in_time(bed: Bed) {
    let store = store(&bed).await;
    let id = session(1).id;
    let mut unit = store.write(&[]).await.unwrap();
    assert!(
        !unit.consume_step_up(id, Timestamp(0), NOW).await.unwrap(),
        "there is none"
    );
    assert!(unit.step_up(id, NOW).await.unwrap());
    assert!(
        !unit.consume_step_up(id, Timestamp(1_001), NOW).await.unwrap(),
        "too old"
    );
    assert!(unit.consume_step_up(id, NOW, NOW).await.unwrap());
    assert!(!unit.consume_step_up(id, NOW, NOW).await.unwrap(), "once");
    assert!(unit.step_up(id, NOW).await.unwrap());
    unit.end_session(id, NOW).await.unwrap();
    assert!(
        !unit.consume_step_up(id, NOW, NOW).await.unwrap(),
        "the session is over"
    );
    assert!(!unit.step_up(id, NOW).await.unwrap());
}

async fn expired_sessions_go_with_their_tokens(bed: Bed) {
    let store = store(&bed).await;
    let mut unit = store.write(&[]).await.unwrap();
    let later = Session {
        expires: Timestamp(9_000),
        ..session(2)
    };
    unit.insert_session(&later).await.unwrap();
    assert_eq!(unit.purge_sessions(Timestamp(2_000), 10).await.unwrap(), 0);
    assert_eq!(unit.purge_sessions(Timestamp(2_001), 10).await.unwrap(), 1);
    unit.commit().await.unwrap();
    assert_eq!(store.session(session(1).id).await.unwrap(), None);
    assert_eq!(
        store.refresh_token(&token(1, &session(1)).digest).await.unwrap(),
        None
    );
    assert!(store.session(later.id).await.unwrap().is_some());
}
