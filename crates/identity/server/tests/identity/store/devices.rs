//! Known devices.

use bailiwick_identity_core::{
    device::KnownDevice,
    secret::Digest,
    store::{Store as _, Write},
};
use bailiwick_identity_server::SqlStore;
use bailiwick_types::{ScopeRoot, Timestamp, UserId};

use crate::support::{Bed, Suite, on_both_engines};

on_both_engines! {
    a_device_expires_at_the_earlier_instant
    those_that_never_returned_are_forgotten_first_and_all_of_a_user_together
}

fn device(user: UserId, n: i64, returned: bool) -> KnownDevice {
    KnownDevice {
        digest: Digest::of_parts(&[&n.to_string()]),
        user,
        returned,
        created: Timestamp(n),
        expires: Timestamp(n + 100),
    }
}

async fn known(unit: &dyn Write, user: UserId, numbers: std::ops::Range<i64>) -> Vec<i64> {
    let mut found = Vec::new();
    for n in numbers {
        if unit
            .known_device(&device(user, n, false).digest)
            .await
            .unwrap()
            .is_some()
        {
            found.push(n);
        }
    }
    found
}

async fn a_device_expires_at_the_earlier_instant(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let store = SqlStore::new(suite.db.clone());
    let mut unit = store.write(&[ScopeRoot::User(ada)]).await.unwrap();
    let one = device(ada, 1, true);
    unit.insert_device(&one).await.unwrap();
    assert_eq!(unit.known_device(&one.digest).await.unwrap(), Some(one.clone()));
    for (at, expires) in [(200, 101), (50, 50), (70, 50)] {
        unit.expire_device(&one.digest, Timestamp(at)).await.unwrap();
        let found = unit.known_device(&one.digest).await.unwrap().unwrap();
        assert_eq!(found.expires, Timestamp(expires));
    }
    assert_eq!(unit.purge_devices(Timestamp(50), 10).await.unwrap(), 0);
    assert_eq!(unit.purge_devices(Timestamp(51), 10).await.unwrap(), 1);
    assert_eq!(unit.known_device(&one.digest).await.unwrap(), None);
}

async fn those_that_never_returned_are_forgotten_first_and_all_of_a_user_together(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (ada, ben) = (
        suite.user("ada@example.com").await,
        suite.user("ben@example.com").await,
    );
    let store = SqlStore::new(suite.db.clone());
    let mut unit = store.write(&[ScopeRoot::User(ada)]).await.unwrap();
    for (n, returned) in [(1, true), (2, true), (3, false), (4, false)] {
        unit.insert_device(&device(ada, n, returned)).await.unwrap();
    }
    unit.insert_device(&device(ben, 5, false)).await.unwrap();
    unit.trim_devices(ada, 3).await.unwrap();
    assert_eq!(known(&*unit, ada, 1..6).await, [1, 2, 4, 5]);
    unit.trim_devices(ada, 1).await.unwrap();
    assert_eq!(known(&*unit, ada, 1..6).await, [2, 5]);
    unit.insert_device(&KnownDevice {
        created: Timestamp(77),
        ..device(ada, 1, true)
    })
    .await
    .unwrap();
    unit.forget_devices(ada, Some(Timestamp(77))).await.unwrap();
    assert_eq!(known(&*unit, ada, 1..6).await, [1, 5]);
    unit.forget_devices(ada, None).await.unwrap();
    assert_eq!(known(&*unit, ada, 1..6).await, [5]);
}
