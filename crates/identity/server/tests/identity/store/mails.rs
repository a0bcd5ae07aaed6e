//! Mails and their secrets against what their ports promise.

use bailiwick_identity_core::{
    mail::{Kind, Mail, Reader as _},
    one_time::{OneTimeSecret, Purpose, Reader as _},
    secret::Digest,
    store::Store as _,
};
use bailiwick_identity_server::SqlStore;
use bailiwick_types::Timestamp;
use uuid::Uuid;

use crate::support::{Bed, Suite, on_both_engines};

on_both_engines! {
    of_replicas_that_claim_a_mail_at_once_one_gets_it
    a_mail_of_a_kind_that_is_not_known_holds_up_no_other
    a_secret_takes_the_place_of_its_elder_and_is_taken_once
}

fn mail(id: u128, due: i64) -> Mail {
    Mail {
        id: Uuid::from_u128(id),
        kind: Kind::Activation,
        sealed: "sealed".into(),
        recipient: None,
        ready: true,
        created: Timestamp(0),
        due: Timestamp(due),
        last_try: Timestamp(1_000_000),
        attempts: 0,
    }
}

async fn of_replicas_that_claim_a_mail_at_once_one_gets_it(bed: Bed) {
    let db = bed.db().await;
    let store = SqlStore::new(db);
    let mut write = store.write(&[]).await.unwrap();
    for (id, due) in [(1, 20), (2, 10), (3, 99)] {
        write.insert_mail(&mail(id, due)).await.unwrap();
    }
    write.commit().await.unwrap();
    let now = Timestamp(50);
    let due = store.due_mails(now, 10).await.unwrap();
    assert_eq!(
        due.iter().map(|mail| mail.id.as_u128()).collect::<Vec<_>>(),
        [2, 1]
    );
    let mut claims = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, mail) = (store.clone(), due[0].clone());
        claims.spawn(async move {
            let mut write = store.write(&[]).await.unwrap();
            let claimed = write
                .claim_mail(&mail, now, Timestamp(500))
                .await
                .unwrap_or(false);
            claimed && write.commit().await.is_ok()
        });
    }
    let claimed = claims.join_all().await;
    assert_eq!(claimed.iter().filter(|won| **won).count(), 1);
    assert_eq!(store.due_mails(now, 10).await.unwrap().len(), 1);
    let again = store.due_mails(Timestamp(500), 10).await.unwrap();
    let again = again.iter().find(|mail| mail.id.as_u128() == 2).unwrap();
    assert_eq!((again.attempts, again.due), (1, Timestamp(500)));
    let mut write = store.write(&[]).await.unwrap();
    write.postpone_mail(&due[0], Timestamp(1)).await.unwrap();
    assert!(
        write
            .due_mails(now, 10)
            .await
            .unwrap()
            .iter()
            .all(|mail| mail.id.as_u128() != 2)
    );
    write.postpone_mail(again, Timestamp(1)).await.unwrap();
    write.ready_mail(again.id).await.unwrap();
    write.delete_mail(Uuid::from_u128(1)).await.unwrap();
    assert_eq!(write.due_mails(now, 10).await.unwrap().len(), 1);
    write.commit().await.unwrap();
}

async fn a_mail_of_a_kind_that_is_not_known_holds_up_no_other(bed: Bed) {
    let db = bed.db().await;
    let store = SqlStore::new(db.clone());
    let mut write = store.write(&[]).await.unwrap();
    for kind in Kind::ALL {
        let of = Mail {
            kind,
            ..mail(kind.code().into(), 20)
        };
        write.insert_mail(&of).await.unwrap();
    }
    write.insert_mail(&mail(99, 10)).await.unwrap();
    write.commit().await.unwrap();
    let newer = "UPDATE mail SET kind = 99 WHERE due_at = 10";
    let write = db.begin_write(&[]).await.unwrap();
    bailiwick_sql::execute(write.conn(), newer, Vec::new())
        .await
        .unwrap();
    write.commit().await.unwrap();
    let due = store.due_mails(Timestamp(50), 10).await.unwrap();
    assert_eq!(due.len(), Kind::ALL.len());
}

async fn a_secret_takes_the_place_of_its_elder_and_is_taken_once(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let store = SqlStore::new(suite.db.clone());
    let secret = |text: &str, purpose| OneTimeSecret {
        digest: Digest::of(&text.into()),
        user: ada,
        purpose,
        address: "ada@example.com".parse::<bailiwick_types::Email>().unwrap().key(),
        created: Timestamp(1),
        expires: Timestamp(2),
    };
    let elder = secret("elder", Purpose::PasswordReset);
    let (newer, other) = (
        secret("newer", Purpose::PasswordReset),
        secret("other", Purpose::Verification),
    );
    let mut write = store.write(&[]).await.unwrap();
    for secret in [&elder, &other, &newer] {
        write.put_one_time_secret(secret).await.unwrap();
    }
    write.commit().await.unwrap();
    assert_eq!(store.one_time_secret(&elder.digest).await.unwrap(), None);
    assert_eq!(
        store.one_time_secret(&newer.digest).await.unwrap().as_ref(),
        Some(&newer)
    );
    let of = store
        .one_time_secret_of(ada, Purpose::Verification)
        .await
        .unwrap();
    assert_eq!(of, Some(other.clone()));
    let mut taking = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, digest) = (store.clone(), newer.digest);
        taking.spawn(async move {
            let mut write = store.write(&[]).await.unwrap();
            let taken = write.take_one_time_secret(&digest).await.unwrap_or(false);
            taken && write.commit().await.is_ok()
        });
    }
    let taken = taking.join_all().await;
    assert_eq!(taken.iter().filter(|won| **won).count(), 1);
    let mut write = store.write(&[]).await.unwrap();
    assert_eq!(write.purge_one_time_secrets(Timestamp(2), 10).await.unwrap(), 0);
    assert_eq!(write.purge_one_time_secrets(Timestamp(3), 10).await.unwrap(), 1);
    write.put_one_time_secret(&newer).await.unwrap();
    write.end_one_time_secrets(ada).await.unwrap();
    assert_eq!(write.one_time_secret(&newer.digest).await.unwrap(), None);
}
