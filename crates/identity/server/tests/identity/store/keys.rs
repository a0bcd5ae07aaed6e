//! Signing keys in the store, and how they change over time.

use std::{sync::Arc, time::Duration};

use bailiwick_identity_core::signing::{KeySeal, KeyTimes, Keys, KeysError, Reader as _, SealError};
use bailiwick_identity_server::SqlStore;
use bailiwick_types::{Clock as _, SystemRng};
use secrecy::{ExposeSecret, SecretString};

use crate::support::{Bed, on_both_engines};

on_both_engines! {
    processes_that_start_at_once_share_one_first_key
    a_key_is_followed_by_another_that_was_published_before
    keys_are_encrypted_once_a_secret_is_configured
}

fn keys(bed: &Bed, secret: Option<&str>) -> Keys {
    let secret = secret.map(SecretString::from);
    let seal = KeySeal::new(secret.as_ref()).unwrap();
    Keys::new(seal, KeyTimes::default(), bed.clock.clone(), Arc::new(SystemRng))
}

async fn processes_that_start_at_once_share_one_first_key(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let (one, two) = (keys(&bed, None), keys(&bed, None));
    let (a, b) = tokio::join!(one.maintain(&store), two.maintain(&store));
    a.unwrap();
    b.unwrap();
    assert_eq!(store.signing_keys().await.unwrap().len(), 1);
    assert_eq!(one.ring().jwks(), two.ring().jwks());
}

async fn a_key_is_followed_by_another_that_was_published_before(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let keys = keys(&bed, None);
    keys.maintain(&store).await.unwrap();
    let kid = |keys: &Keys| keys.ring().signing(bed.clock.now()).unwrap().kid.clone();
    let first = kid(&keys);
    bed.clock.advance(Duration::from_hours(2160));
    keys.maintain(&store).await.unwrap();
    assert_eq!(keys.ring().public().count(), 2);
    assert_eq!(
        kid(&keys),
        first,
        "the new one is published, and does not sign yet"
    );
    keys.maintain(&store).await.unwrap();
    assert_eq!(keys.ring().public().count(), 2, "no third one");
    bed.clock.advance(Duration::from_hours(1));
    let second = kid(&keys);
    assert_ne!(second, first);
    keys.maintain(&store).await.unwrap();
    assert_eq!(
        keys.ring().public().count(),
        2,
        "what the first one signed is still verified"
    );
    bed.clock.advance(Duration::from_hours(24));
    keys.maintain(&store).await.unwrap();
    let ring = keys.ring();
    assert_eq!(
        ring.public().map(|(kid, _)| kid).collect::<Vec<_>>(),
        [second.as_str()]
    );
}

async fn keys_are_encrypted_once_a_secret_is_configured(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let plain = keys(&bed, None);
    plain.maintain(&store).await.unwrap();
    let sealed = keys(&bed, Some("a secret of at least thirty-two characters"));
    sealed.maintain(&store).await.unwrap();
    assert_eq!(sealed.ring().jwks(), plain.ring().jwks());
    let stored = store.signing_keys().await.unwrap();
    assert!(stored[0].private.expose_secret().starts_with("aes256gcm.v1:"));
    let lost = plain.load(&store).await;
    assert!(
        matches!(lost, Err(KeysError::Seal(SealError::NoSecret))),
        "{lost:?}"
    );
    let other = keys(&bed, Some("another secret of at least thirty-two chars"))
        .load(&store)
        .await;
    assert!(
        matches!(other, Err(KeysError::Seal(SealError::Wrong))),
        "{other:?}"
    );
}
