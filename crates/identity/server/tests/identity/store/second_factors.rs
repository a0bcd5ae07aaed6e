//! Second factors and challenges.

use bailiwick_identity_core::{
    second_factor::{Challenge, Reader as _, Totp},
    secret::Digest,
    session::{Client, UserAgent},
    store::Store as _,
};
use bailiwick_identity_server::SqlStore;
use bailiwick_types::Timestamp;
use secrecy::ExposeSecret;

use super::users::{add, user};
use crate::support::{Bed, account, on_both_engines};

on_both_engines! {
    an_authenticator_accepts_newer_steps_alone
    authenticators_in_plain_text_are_found_in_the_order_of_their_users
    a_recovery_code_is_used_once_by_its_user
    a_challenge_is_used_once
}

async fn store(bed: &Bed) -> SqlStore {
    let store = SqlStore::new(bed.db().await);
    add(&store, &user(1, "ada@example.com")).await;
    add(&store, &user(2, "bob@example.com")).await;
    store
}

async fn an_authenticator_accepts_newer_steps_alone(bed: Bed) {
    let store = store(&bed).await;
    let ada = user(1, "ada@example.com").id;
    assert!(store.totp(ada).await.unwrap().is_none());
    let totp = Totp {
        user: ada,
        secret: "sealed".into(),
        created: Timestamp(1),
        confirmed: None,
        last_step: 0,
        failures: 0,
    };
    let mut unit = store.write(&[]).await.unwrap();
    assert!(!unit.accept_totp(ada, 7).await.unwrap(), "there is none");
    unit.put_totp(&totp).await.unwrap();
    unit.count_totp_failure(ada).await.unwrap();
    unit.count_totp_failure(ada).await.unwrap();
    assert_eq!(unit.totp(ada).await.unwrap().unwrap().failures, 2);
    assert!(unit.accept_totp(ada, 7).await.unwrap());
    for old in [7, 6] {
        assert!(!unit.accept_totp(ada, old).await.unwrap(), "{old}");
    }
    assert!(unit.accept_totp(ada, 8).await.unwrap());
    unit.commit().await.unwrap();
    let stored = store.totp(ada).await.unwrap().unwrap();
    assert_eq!((stored.last_step, stored.failures), (8, 0));
    assert_eq!(stored.secret.expose_secret(), "sealed");
    let mut unit = store.write(&[]).await.unwrap();
    let confirmed = Totp {
        confirmed: Some(Timestamp(2)),
        ..stored
    };
    unit.put_totp(&confirmed).await.unwrap();
    assert_eq!(
        unit.totp(ada).await.unwrap().unwrap().confirmed,
        Some(Timestamp(2))
    );
    unit.delete_totp(ada).await.unwrap();
    assert!(unit.totp(ada).await.unwrap().is_none());
}

async fn authenticators_in_plain_text_are_found_in_the_order_of_their_users(bed: Bed) {
    let store = store(&bed).await;
    add(&store, &user(3, "eve@example.com")).await;
    let of = |n, secret: &str| Totp {
        user: user(n, "any@example.com").id,
        secret: secret.into(),
        created: Timestamp(1),
        confirmed: None,
        last_step: 0,
        failures: 0,
    };
    let mut unit = store.write(&[]).await.unwrap();
    for (n, secret) in [(3, "plain:b"), (1, "plain:a"), (2, "aes256gcm.v1:plain:")] {
        unit.put_totp(&of(n, secret)).await.unwrap();
    }
    unit.commit().await.unwrap();
    let (ada, eve) = (of(1, "").user, of(3, "").user);
    assert_eq!(store.plain_totps(None, 9).await.unwrap(), [ada, eve]);
    assert_eq!(store.plain_totps(None, 1).await.unwrap(), [ada]);
    assert_eq!(store.plain_totps(Some(ada), 9).await.unwrap(), [eve]);
    assert_eq!(store.plain_totps(Some(eve), 9).await.unwrap(), []);
}

async fn a_recovery_code_is_used_once_by_its_user(bed: Bed) {
    let store = store(&bed).await;
    let (ada, bob) = (user(1, "ada@example.com").id, user(2, "bob@example.com").id);
    let code = |n| Digest::from_bytes([n; 32]);
    let mut unit = store.write(&[]).await.unwrap();
    unit.put_recovery_codes(ada, &[code(1), code(2), code(3)])
        .await
        .unwrap();
    unit.put_recovery_codes(bob, &[code(4)]).await.unwrap();
    assert!(
        !unit.use_recovery_code(bob, &code(1)).await.unwrap(),
        "of another user"
    );
    assert!(unit.use_recovery_code(ada, &code(1)).await.unwrap());
    assert!(!unit.use_recovery_code(ada, &code(1)).await.unwrap(), "once");
    assert_eq!(unit.recovery_codes(ada).await.unwrap(), 2);
    unit.put_recovery_codes(ada, &[code(5)]).await.unwrap();
    assert!(
        !unit.use_recovery_code(ada, &code(2)).await.unwrap(),
        "new ones end the old"
    );
    unit.delete_totp(ada).await.unwrap();
    assert_eq!(unit.recovery_codes(ada).await.unwrap(), 0);
    assert_eq!(unit.recovery_codes(bob).await.unwrap(), 1);
}

async fn a_challenge_is_used_once(bed: Bed) {
    let store = store(&bed).await;
    let challenge = Challenge {
        digest: Digest::from_bytes([1; 32]),
        user: user(1, "ada@example.com").id,
        password: Digest::from_bytes([2; 32]),
        account: Some(account(5)),
        client: Client {
            agent: UserAgent::new("grpc-go/1.70"),
            network: "2001:db8:1:2::/64".parse().unwrap(),
        },
        device: Some(Digest::from_bytes([3; 32])),
        expires: Timestamp(1_000),
        failures: 0,
    };
    let digest = challenge.digest;
    let mut unit = store.write(&[]).await.unwrap();
    unit.insert_challenge(&challenge).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.challenge(&digest).await.unwrap(), Some(challenge.clone()));
    let mut unit = store.write(&[]).await.unwrap();
    unit.fail_challenge(&digest).await.unwrap();
    assert_eq!(unit.challenge(&digest).await.unwrap().unwrap().failures, 1);
    assert!(unit.delete_challenge(&digest).await.unwrap());
    assert!(!unit.delete_challenge(&digest).await.unwrap(), "once");
    unit.insert_challenge(&challenge).await.unwrap();
    assert_eq!(unit.purge_challenges(Timestamp(1_000), 9).await.unwrap(), 0);
    assert_eq!(unit.purge_challenges(Timestamp(1_001), 9).await.unwrap(), 1);
}
