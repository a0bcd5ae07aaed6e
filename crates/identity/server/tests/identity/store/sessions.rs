//! Sessions and refresh tokens.

use bailiwick_identity_core::{
    secret::Digest,
    session::{Client, Consumption, Proof, Reader as _, RefreshToken, Session, UserAgent},
    store::Store as _,
};
use bailiwick_identity_server::SqlStore;
use bailiwick_types::{RequestDigest, SessionId, Timestamp};

use super::users::{add, user};
use crate::support::{Bed, account, on_both_engines};

on_both_engines! {
    a_session_lives_until_it_is_ended_or_expires
    a_refresh_token_is_used_once_and_in_time
    a_step_up_is_consumed_once_and_in_time
    pages_have_live_sessions_newest_first
    a_child_is_unused_until_it_is_used
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
        refreshed: None,
        proof: Proof::TwoFactors,
        client: Client {
            agent: UserAgent::new("grpc-go/1.70"),
            network: "192.0.2.0/24".parse().unwrap(),
        },
    }
}

fn token(n: u8, session: &Session) -> RefreshToken {
    RefreshToken {
        digest: Digest::from_bytes([n; 32]),
        session: session.id,
        created: Timestamp(900),
        expires: Timestamp(1_500),
        used: None,
        parent: None,
        access: Some("id of an access token".to_owned()),
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

const METHOD: &str = "some.Service/Method";

fn consumption(request: &RequestDigest, not_before: i64) -> Consumption<'_> {
    Consumption {
        session: session(1).id,
        method: METHOD,
        request,
        not_before: Timestamp(not_before),
        repeated_since: Timestamp(950),
        now: NOW,
    }
}

async fn a_step_up_is_consumed_once_and_in_time(bed: Bed) {
    let store = store(&bed).await;
    let id = session(1).id;
    let (one, two, three) = (
        RequestDigest([1; 32]),
        RequestDigest([2; 32]),
        RequestDigest([3; 32]),
    );
    let mut unit = store.write(&[]).await.unwrap();
    assert!(
        !unit.consume_step_up(&consumption(&one, 0)).await.unwrap(),
        "there is none"
    );
    assert!(unit.step_up(id, METHOD, NOW).await.unwrap());
    assert!(
        !unit.consume_step_up(&consumption(&one, 1_001)).await.unwrap(),
        "too old"
    );
    let other = Consumption {
        method: "some.Service/Other",
        ..consumption(&one, 0)
    };
    assert!(!unit.consume_step_up(&other).await.unwrap(), "another method");
    assert!(unit.consume_step_up(&consumption(&one, 1_000)).await.unwrap());
    assert!(
        unit.consume_step_up(&consumption(&one, 1_000)).await.unwrap(),
        "the same request"
    );
    assert!(
        !unit.consume_step_up(&consumption(&two, 1_000)).await.unwrap(),
        "once"
    );
    let late = Consumption {
        repeated_since: Timestamp(1_001),
        ..consumption(&one, 1_000)
    };
    assert!(!unit.consume_step_up(&late).await.unwrap(), "long ago");
    assert!(unit.step_up(id, METHOD, NOW).await.unwrap());
    assert!(
        unit.consume_step_up(&consumption(&one, 1_000)).await.unwrap(),
        "uses up no other one"
    );
    assert!(unit.consume_step_up(&consumption(&two, 1_000)).await.unwrap());
    assert!(unit.step_up(id, METHOD, NOW).await.unwrap());
    unit.end_session(id, NOW).await.unwrap();
    for request in [&two, &three] {
        assert!(
            !unit.consume_step_up(&consumption(request, 0)).await.unwrap(),
            "the session is over"
        );
    }
    assert!(!unit.step_up(id, METHOD, NOW).await.unwrap());
}

async fn pages_have_live_sessions_newest_first(bed: Bed) {
    let store = store(&bed).await;
    let mut unit = store.write(&[]).await.unwrap();
    for n in 2..=4 {
        unit.insert_session(&session(n)).await.unwrap();
    }
    unit.end_session(session(3).id, NOW).await.unwrap();
    unit.refreshed(session(1).id, NOW).await.unwrap();
    unit.commit().await.unwrap();
    let user = session(1).user;
    let page = async |after: Option<u128>, limit, idle| {
        let after = after.map(|n| session(n).id);
        let page = store.session_page(user, after, limit, NOW, Timestamp(idle)).await;
        let page = page.unwrap().into_iter();
        page.map(|session| session.id.uuid().as_u128())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(None, 2, 0).await, [4, 2]);
    assert_eq!(page(Some(2), 2, 0).await, [1]);
    assert_eq!(page(None, 9, 950).await, [1], "the others were idle for too long");
    let stored = store.session(session(1).id).await.unwrap().unwrap();
    assert_eq!(stored.last_use(), NOW);
}

async fn a_child_is_unused_until_it_is_used(bed: Bed) {
    let store = store(&bed).await;
    let parent = token(1, &session(1));
    let child = RefreshToken {
        parent: Some(parent.digest),
        ..token(2, &session(1))
    };
    let mut unit = store.write(&[]).await.unwrap();
    assert_eq!(unit.unused_child(&parent.digest).await.unwrap(), None);
    unit.insert_refresh_token(&child).await.unwrap();
    assert_eq!(
        unit.unused_child(&parent.digest).await.unwrap(),
        Some(child.clone())
    );
    unit.use_refresh_token(&child.digest, NOW).await.unwrap();
    assert_eq!(unit.unused_child(&parent.digest).await.unwrap(), None);
    assert!(unit.revoke_token("one", Timestamp(1_500)).await.unwrap());
    assert!(!unit.revoke_token("one", Timestamp(9_999)).await.unwrap(), "once");
    unit.commit().await.unwrap();
    assert!(store.is_revoked("one").await.unwrap());
    assert!(!store.is_revoked("two").await.unwrap());
    assert_eq!(store.revoked_tokens(Timestamp(1_499)).await.unwrap(), ["one"]);
    assert_eq!(store.revoked_tokens(Timestamp(1_500)).await.unwrap(), [""; 0]);
    let mut unit = store.write(&[]).await.unwrap();
    assert_eq!(unit.purge_tokens(Timestamp(1_500), 10).await.unwrap(), 0);
    assert_eq!(unit.purge_tokens(Timestamp(1_501), 10).await.unwrap(), 2);
    unit.commit().await.unwrap();
    assert!(!store.is_revoked("one").await.unwrap());
    assert_eq!(store.refresh_token(&parent.digest).await.unwrap(), None);
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
