//! Users, service accounts and requests.

use std::sync::Arc;

use bailiwick_identity_core::{
    password::PasswordHash,
    request::{Reader as _, RequestKey},
    secret::Digest,
    service_account::{Closing as ServiceClosing, NewSecret, Reader as _, Secrets, ServiceAccount},
    store::Store as _,
    user::{Access, Closing, Reader as _, User, UserState},
};
use bailiwick_identity_server::SqlStore;
use bailiwick_testkit::witness::authorized;
use bailiwick_types::{
    Caller, ScopeRoot, ServiceAccountId, StoreError, Subject, Target, Timestamp, UserId,
    method::identity::SignIn,
};

use sea_orm::{ConnectionTrait, Statement};

use crate::support::{Bed, on_both_engines};

on_both_engines! {
    a_unit_that_is_dropped_changes_nothing
    a_taken_address_is_told_from_other_failures
    credentials_carry_the_intent_to_disable
    pages_follow_ids
    a_request_is_recorded_once
    a_service_account_keeps_the_digest_of_its_secret
    a_service_account_keeps_who_made_it
    two_secrets_are_kept_and_a_tombstone_has_none
}

pub(crate) fn user(n: u128, email: &str) -> User {
    User {
        id: UserId::from_uuid(uuid::Uuid::from_u128(n)),
        email: email.parse().unwrap(),
        email_verified: false,
        display_name: Default::default(),
        locale: Default::default(),
        state: UserState::Active,
        operator: false,
        created: Timestamp(7),
        version: 1,
    }
}

pub(crate) async fn add(store: &SqlStore, user: &User) {
    let mut unit = store.write(&[user.root()]).await.unwrap();
    unit.insert_user(user, None).await.unwrap();
    unit.commit().await.unwrap();
}

async fn a_unit_that_is_dropped_changes_nothing(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let ada = user(1, "ada@example.com");
    let mut unit = store.write(&[ada.root()]).await.unwrap();
    unit.insert_user(&ada, None).await.unwrap();
    assert!(unit.credentials(ada.id).await.unwrap().is_some());
    drop(unit);
    assert_eq!(store.user(ada.id).await.unwrap(), None);
    add(&store, &ada).await;
    assert_eq!(store.user(ada.id).await.unwrap(), Some(ada));
}

async fn a_taken_address_is_told_from_other_failures(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    add(&store, &user(1, "ada@example.com")).await;
    let mut unit = store.write(&[]).await.unwrap();
    let taken = unit.insert_user(&user(2, "ADA@example.com"), None).await;
    assert!(
        matches!(taken, Err(StoreError::Taken("e-mail address"))),
        "{taken:?}"
    );
    drop(unit);
    let mut unit = store.write(&[]).await.unwrap();
    let twice = unit.insert_user(&user(1, "other@example.com"), None).await;
    assert!(matches!(twice, Err(StoreError::Internal(_))), "{twice:?}");
}

async fn credentials_carry_the_intent_to_disable(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let ada = user(1, "ada@example.com");
    let mut unit = store.write(&[ada.root()]).await.unwrap();
    let hash = PasswordHash::from_stored("$argon2id$x".to_owned());
    unit.insert_user(&ada, Some(&hash)).await.unwrap();
    unit.commit().await.unwrap();
    let key = ada.email.key();
    let known = store.credentials_by_email(&key).await.unwrap().unwrap();
    assert_eq!(known.password.as_ref().unwrap().expose(), "$argon2id$x");
    assert!(known.may_sign_in());
    let closing = Closing {
        access: Access::Operator,
        user: ada.id,
        version: 2,
        actor: "user:x".to_owned(),
        created: Timestamp(100),
    };
    let mut unit = store.write(&[ada.root()]).await.unwrap();
    unit.insert_closing(&closing).await.unwrap();
    unit.commit().await.unwrap();
    assert!(!store.credentials(ada.id).await.unwrap().unwrap().may_sign_in());
    assert_eq!(store.closings(Timestamp(100), 10).await.unwrap(), []);
    assert_eq!(
        store.closings(Timestamp(101), 10).await.unwrap(),
        std::slice::from_ref(&closing)
    );
    let mut unit = store.write(&[ada.root()]).await.unwrap();
    assert_eq!(unit.closing(ada.id).await.unwrap(), Some(closing));
    unit.delete_closing(ada.id).await.unwrap();
    unit.delete_closing(ada.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.credentials(ada.id).await.unwrap().unwrap().may_sign_in());
}

async fn pages_follow_ids(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    for n in [3, 1, 2] {
        add(&store, &user(n, &format!("u{n}@example.com"))).await;
    }
    let first = store.user_page(None, 2, None).await.unwrap();
    let after = first.last().map(|u| u.id);
    let second = store.user_page(after, 2, None).await.unwrap();
    let ids: Vec<u128> = first
        .iter()
        .chain(&second)
        .map(|u| u.id.uuid().as_u128())
        .collect();
    assert_eq!(ids, [1, 2, 3]);
    assert!(store.users(&[]).await.unwrap().is_empty());
    assert!(!store.has_active_operator().await.unwrap());
}

async fn a_request_is_recorded_once(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let id = "4d3cb9d2-16ac-4a3b-8f0e-0d3b4f5a7d31".parse().unwrap();
    let by = authorized::<SignIn>(&Arc::new(Caller::anonymous()), &Target::none(), false);
    let request = RequestKey::new(&by, id, &["a"]);
    assert_eq!(store.answered(&request).await.unwrap(), None);
    let mut unit = store.write(&[]).await.unwrap();
    assert!(unit.record_request(&request, "made", Timestamp(5)).await.unwrap());
    unit.commit().await.unwrap();
    let answered = store.answered(&request).await.unwrap().unwrap();
    assert_eq!(
        (answered.made.as_str(), answered.content),
        ("made", request.content)
    );
    let mut unit = store.write(&[]).await.unwrap();
    assert!(
        !unit
            .record_request(&request, "other", Timestamp(6))
            .await
            .unwrap(),
        "once"
    );
    let kept = unit.answered(&request).await.unwrap();
    assert_eq!(kept, Some(answered), "the unit goes on");
    drop(unit);
    let mut unit = store.write(&[]).await.unwrap();
    assert_eq!(unit.purge_requests(Timestamp(5)).await.unwrap(), 0);
    assert_eq!(unit.purge_requests(Timestamp(6)).await.unwrap(), 1);
}

async fn a_service_account_keeps_the_digest_of_its_secret(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let mut account = ServiceAccount {
        id: ServiceAccountId::from_uuid(uuid::Uuid::from_u128(1)),
        title: "Reports".parse().unwrap(),
        scope: "product:sogolytics".parse().unwrap(),
        role: Some("service".parse().unwrap()),
        enabled: true,
        created: Timestamp(7),
        creator: None,
        version: 1,
    };
    let digest = Digest::of_parts(&["secret"]);
    let mut unit = store.write(&[ScopeRoot::Deployment]).await.unwrap();
    unit.insert_service_account(&account, &digest).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(
        store.service_account_secret(account.id).await.unwrap(),
        Some((account.clone(), Secrets::one(digest)))
    );
    account.enabled = false;
    account.version = 2;
    let mut unit = store.write(&[ScopeRoot::Deployment]).await.unwrap();
    unit.update_service_account(&account).await.unwrap();
    assert_eq!(
        unit.service_account(account.id).await.unwrap(),
        Some(account.clone())
    );
    unit.commit().await.unwrap();
    assert_eq!(store.service_account(account.id).await.unwrap(), Some(account));
}

async fn a_service_account_keeps_who_made_it(bed: Bed) {
    let store = SqlStore::new(bed.db().await);
    let id = |n| ServiceAccountId::from_uuid(uuid::Uuid::from_u128(n));
    let creators = [
        None,
        Some(Subject::user(UserId::from_uuid(uuid::Uuid::from_u128(1)))),
        Some(Subject::service(id(2))),
    ];
    for (n, creator) in (1..).zip(creators) {
        let mut account = ServiceAccount {
            id: id(n),
            title: "Reports".parse().unwrap(),
            scope: "deployment".parse().unwrap(),
            role: None,
            enabled: true,
            created: Timestamp(7),
            creator: creator.clone(),
            version: 1,
        };
        let mut unit = store.write(&[ScopeRoot::Deployment]).await.unwrap();
        unit.insert_service_account(&account, &Digest::of_parts(&["secret"]))
            .await
            .unwrap();
        account.enabled = false;
        account.creator = None;
        unit.update_service_account(&account).await.unwrap();
        unit.commit().await.unwrap();
        let found = store.service_account(account.id).await.unwrap().unwrap();
        assert_eq!(
            (found.enabled, found.creator),
            (false, creator),
            "it never changes"
        );
    }
}

async fn two_secrets_are_kept_and_a_tombstone_has_none(bed: Bed) {
    let db = bed.db().await;
    let store = SqlStore::new(db.clone());
    let mut account = ServiceAccount {
        id: ServiceAccountId::from_uuid(uuid::Uuid::from_u128(1)),
        title: "Reports".parse().unwrap(),
        scope: "deployment".parse().unwrap(),
        role: None,
        enabled: true,
        created: Timestamp(7),
        creator: None,
        version: 1,
    };
    let [old, new] = ["old", "new"].map(|text| Digest::of_parts(&[text]));
    let mut unit = store.write(&[ScopeRoot::Deployment]).await.unwrap();
    unit.insert_service_account(&account, &old).await.unwrap();
    unit.commit().await.unwrap();
    let both = Secrets {
        deployed: old,
        new: Some(NewSecret {
            digest: new,
            old_ends: Timestamp(9),
        }),
    };
    for secrets in [both, Secrets::one(new), both] {
        let mut unit = store.write(&[ScopeRoot::Deployment]).await.unwrap();
        unit.set_service_secrets(account.id, &secrets).await.unwrap();
        unit.commit().await.unwrap();
        let kept = store.service_account_secret(account.id).await.unwrap();
        assert_eq!(kept, Some((account.clone(), secrets)));
    }
    let closing = ServiceClosing {
        id: account.id,
        deletes: true,
        version: 2,
        actor: String::new(),
        created: Timestamp(8),
    };
    let mut unit = store.write(&[ScopeRoot::Deployment]).await.unwrap();
    unit.insert_service_closing(&closing).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.service_closing(account.id).await.unwrap(), Some(closing));
    (account.enabled, account.version) = (false, 2);
    let mut unit = store.write(&[ScopeRoot::Deployment]).await.unwrap();
    unit.bury_service_account(&account, Timestamp(9)).await.unwrap();
    unit.delete_service_closing(account.id).await.unwrap();
    assert_eq!(unit.service_account(account.id).await.unwrap(), None);
    unit.commit().await.unwrap();
    assert_eq!(store.service_account_secret(account.id).await.unwrap(), None);
    assert_eq!(store.service_account_page(None, 9).await.unwrap(), []);
    assert_eq!(store.disabled_service_accounts().await.unwrap(), [account.id]);
    let kept = "SELECT count(*) AS n FROM service_account WHERE deleted_at = 9 AND new_secret IS NULL";
    let row = db
        .load()
        .query_one_raw(Statement::from_string(db.load().get_database_backend(), kept));
    assert_eq!(row.await.unwrap().unwrap().try_get::<i64>("", "n").unwrap(), 1);
}
