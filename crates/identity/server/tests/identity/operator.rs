//! The first operator.

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use bailiwick_identity_server::{
    IdentityConfig,
    operator::{OperatorError, SecretSource, create},
};
use bailiwick_proto::events::v1::change::Change;
use bailiwick_sql::Db;
use bailiwick_types::{SystemIds, SystemRng};
use tonic::Code;

use crate::support::{Bed, PASSWORD, Suite, on_both_engines, refused};

on_both_engines! {
    there_is_one_first_operator
    two_who_try_at_once_do_not_both_succeed
}

async fn make(db: &Db, email: &str, secret: &SecretSource) -> Result<(), OperatorError> {
    let hashing = IdentityConfig::for_tests().password_hashing;
    create(db, &hashing, &SystemIds, Arc::new(SystemRng), email, secret)
        .await
        .map(drop)
}

async fn there_is_one_first_operator(bed: Bed) {
    let db = bed.db().await;
    let given = SecretSource::Given(PASSWORD.into());
    make(&db, "root@example.com", &given).await.unwrap();
    assert!(matches!(
        make(&db, "other@example.com", &given).await,
        Err(OperatorError::Refused(_))
    ));
    let head = db.feed().settled_head().await.unwrap();
    let all = bailiwick_sql::Cursor { position: 0, ..head };
    let rows = db.feed().read(&all, 10).await.unwrap().rows;
    assert_eq!(rows.len(), 1);
    let Change::UserChanged(user) = bailiwick_feed::change(&rows[0].changes[0]).unwrap() else {
        panic!()
    };
    assert!(user.operator && user.email_verified);
    assert_eq!(user.version, rows[0].revision);
}

async fn two_who_try_at_once_do_not_both_succeed(bed: Bed) {
    let db = bed.db().await;
    let given = SecretSource::Given(PASSWORD.into());
    let (one, two) = tokio::join!(
        make(&db, "a@example.com", &given),
        make(&db, "b@example.com", &given)
    );
    assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
}

#[tokio::test]
async fn a_made_password_is_in_a_file_that_its_owner_alone_can_read() {
    let bed = Bed::sqlite().await;
    let db = bed.db().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator");
    make(&db, "root@example.com", &SecretSource::File(path.clone()))
        .await
        .unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let password = std::fs::read_to_string(&path).unwrap();
    db.close().await;
    let suite = Suite::start_as(bed, "root@example.com", password.trim()).await;
    assert!(!suite.operator.is_empty());
    // Refused, without touching the file that is there, and without leaving a new one.
    let again = make(&suite.db, "x@example.com", &SecretSource::File(path.clone())).await;
    assert!(matches!(again, Err(OperatorError::File { .. })), "{again:?}");
    let new = folder.path().join("new");
    assert!(
        make(&suite.db, "x@example.com", &SecretSource::File(new.clone()))
            .await
            .is_err()
    );
    assert!(path.exists() && !new.exists());
}

#[tokio::test]
async fn a_short_password_is_refused() {
    let bed = Bed::sqlite().await;
    let db = bed.db().await;
    let short = make(&db, "root@example.com", &SecretSource::Given("short".into())).await;
    assert!(matches!(short, Err(OperatorError::Password(_))));
    let odd = make(&db, "root", &SecretSource::Given(PASSWORD.into())).await;
    assert!(matches!(odd, Err(OperatorError::Email(_))));
    db.close().await;
    let suite = Suite::start(bed).await;
    assert_eq!(
        refused(suite.sign_in("root", PASSWORD, None).await).0,
        Code::InvalidArgument
    );
}
