//! Operators: the first one, a lost password, granting and revoking the role.

use std::{os::unix::fs::PermissionsExt, sync::Arc};

use bailiwick_identity_server::{
    IdentityConfig,
    operator::{OperatorError, Reset, ResetOptions, SecretSource, create, reset},
};
use bailiwick_proto::{events::v1::change::Change, identity::v1 as pb};
use bailiwick_sql::Db;
use bailiwick_types::{Subject, SystemIds, SystemRng, UserId};
use tonic::Code;

use crate::support::{Bed, PASSWORD, Suite, access, bearer, on_both_engines, refresh, refused};

on_both_engines! {
    where_no_operator_is_active_another_one_is_created
    a_lost_password_is_reset_and_nothing_of_before_goes_on
    a_disabled_operator_is_reset_only_together_with_enabling_it
    the_role_is_given_and_taken_with_a_step_up
    service_accounts_make_no_operators_and_disable_none
    there_is_one_first_operator
    two_who_try_at_once_do_not_both_succeed
}

async fn make(db: &Db, email: &str, secret: &SecretSource) -> Result<(), OperatorError> {
    let config = IdentityConfig::for_tests();
    create(db, &config, &SystemIds, Arc::new(SystemRng), email, secret)
        .await
        .map(drop)
}

async fn there_is_one_first_operator(bed: Bed) {
    let db = bed.db().await;
    let given = SecretSource::Given(PASSWORD.into());
    make(&db, "root@example.com", &given).await.unwrap();
    assert!(matches!(
        make(&db, "other@example.com", &given).await,
        Err(OperatorError::Create(_))
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

const NEW: &str = "a password that nobody had before";

async fn renew(db: &Db, email: &str, secret: &SecretSource, enable: bool) -> Result<Reset, OperatorError> {
    let config = IdentityConfig::for_tests();
    let options = ResetOptions {
        enable,
        ..ResetOptions::default()
    };
    reset(db, &config, Arc::new(SystemRng), email, secret, options).await
}

async fn disable(suite: &Suite, token: &str, user: &str) -> Result<(), tonic::Status> {
    let message = pb::DisableUserRequest {
        user: user.to_owned(),
    };
    suite.users().disable_user(bearer(message, token)).await.map(drop)
}

async fn root_of(suite: &Suite) -> String {
    let root = suite.authenticator.verify(&suite.operator).await.unwrap();
    root.subject().unwrap().id().to_owned()
}

/// A user with a role of the deployment, and its token.
async fn another_operator(suite: &Suite, email: &str) -> (UserId, String) {
    let user = suite.user(email).await;
    grant(suite, &format!("user:{user}"), true).await.unwrap();
    suite
        .authorization
        .operators
        .lock()
        .unwrap()
        .insert(Subject::user(user));
    let token = access(&suite.sign_in(email, PASSWORD, None).await.unwrap());
    (user, token)
}

async fn step_up(suite: &Suite, token: &str, method: &str) {
    let message = pb::ReauthenticateRequest {
        password: PASSWORD.to_owned(),
        method: format!("bailiwick.identity.v1.OperatorService/{method}"),
        ..Default::default()
    };
    let mut authentication = suite.authentication();
    authentication
        .reauthenticate(bearer(message, token))
        .await
        .unwrap();
}

async fn grant(suite: &Suite, subject: &str, with_step_up: bool) -> Result<(), tonic::Status> {
    if with_step_up {
        step_up(suite, &suite.operator, "GrantOperator").await;
    }
    let message = pb::GrantOperatorRequest {
        subject: subject.to_owned(),
    };
    let mut operators = suite.operators();
    operators.grant_operator(suite.root(message)).await.map(drop)
}

async fn where_no_operator_is_active_another_one_is_created(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (_, token) = another_operator(&suite, "ada@example.com").await;
    let given = SecretSource::Given(PASSWORD.into());
    // The answers of authorization are given here: it refuses nothing.
    disable(&suite, &token, &root_of(&suite).await).await.unwrap();
    let early = make(&suite.db, "new@example.com", &given).await;
    assert!(matches!(early, Err(OperatorError::Create(_))), "{early:?}");
    let ada = suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    step_up(&suite, &access(&ada), "RevokeOperator").await;
    let message = pb::RevokeOperatorRequest {
        user: ada.user.clone(),
    };
    let revoke = bearer(message, &access(&ada));
    suite.operators().revoke_operator(revoke).await.unwrap();
    make(&suite.db, "new@example.com", &given).await.unwrap();
    suite.sign_in("new@example.com", PASSWORD, None).await.unwrap();
}

async fn a_lost_password_is_reset_and_nothing_of_before_goes_on(bed: Bed) {
    let suite = Suite::start(bed).await;
    let before = suite.sign_in("root@example.com", PASSWORD, None).await.unwrap();
    let start = suite.db.feed().settled_head().await.unwrap();
    let given = SecretSource::Given(NEW.into());
    let done = renew(&suite.db, "ROOT@example.com", &given, false).await.unwrap();
    assert_eq!((done.ended, done.enabled), (2, false));
    let message = pb::RefreshRequest {
        refresh_token: refresh(&before),
    };
    let refreshed = suite.authentication().refresh(message).await;
    assert_eq!(refused(refreshed).1, "CREDENTIALS_INVALID");
    let old = suite.sign_in("root@example.com", PASSWORD, None).await;
    assert_eq!(refused(old).1, "CREDENTIALS_INVALID");
    suite.sign_in("root@example.com", NEW, None).await.unwrap();
    suite.db.feed().settled_head().await.unwrap();
    let rows = suite.db.feed().read(&start, 100).await.unwrap().rows;
    let told: Vec<Change> = rows
        .iter()
        .flat_map(|row| &row.changes)
        .map(|bytes| bailiwick_feed::change(bytes).unwrap())
        .collect();
    let ended = told.iter().filter(|one| matches!(one, Change::SessionRevoked(_)));
    assert_eq!(ended.count(), 2, "{told:?}");
    let audited = told.iter().find_map(|one| match one {
        Change::Audited(entry) => Some((entry.action.as_str(), entry.target.as_str())),
        _ => None,
    });
    assert_eq!(audited, Some(("operator.reset", &*format!("user:{}", done.user))));
    // Users that are no operators have no password reset here.
    suite.sign_in("root@example.com", NEW, None).await.unwrap();
    let unknown = renew(&suite.db, "nobody@example.com", &given, true)
        .await
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "no user has the e-mail address `nobody@example.com`"
    );
}

async fn a_disabled_operator_is_reset_only_together_with_enabling_it(bed: Bed) {
    let suite = Suite::start(bed).await;
    let (ada, token) = another_operator(&suite, "ada@example.com").await;
    suite.user("max@example.com").await;
    let root = root_of(&suite).await;
    disable(&suite, &token, &root).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let out = SecretSource::File(path.clone());
    let refused = renew(&suite.db, "root@example.com", &out, false)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("`--enable`"), "{refused}");
    let refused = renew(&suite.db, "max@example.com", &out, false)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("is not an operator"), "{refused}");
    assert!(!path.exists(), "a refused act leaves no file behind");
    let done = renew(&suite.db, "root@example.com", &out, true).await.unwrap();
    assert!(done.enabled && done.user.to_string() == root);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let password = std::fs::read_to_string(&path).unwrap();
    suite
        .sign_in("root@example.com", password.trim(), None)
        .await
        .unwrap();
    // The other one is as it was.
    suite.sign_in("ada@example.com", PASSWORD, None).await.unwrap();
    assert!(!suite.authorization.closed.lock().unwrap().contains_key(&ada));
}

async fn the_role_is_given_and_taken_with_a_step_up(bed: Bed) {
    let suite = Suite::start(bed).await;
    let ada = suite.user("ada@example.com").await;
    let subject = format!("user:{ada}");
    let early = grant(&suite, &subject, false).await;
    assert_eq!(
        refused(early),
        (Code::Unauthenticated, "STEP_UP_REQUIRED".to_owned())
    );
    assert!(!suite.get(ada).await.operator);
    grant(&suite, &subject, true).await.unwrap();
    assert!(suite.get(ada).await.operator);
    let message = pb::RevokeOperatorRequest {
        user: ada.to_string(),
    };
    let early = suite
        .operators()
        .revoke_operator(suite.root(message.clone()))
        .await;
    assert_eq!(
        refused(early),
        (Code::Unauthenticated, "STEP_UP_REQUIRED".to_owned())
    );
    step_up(&suite, &suite.operator, "RevokeOperator").await;
    suite
        .operators()
        .revoke_operator(suite.root(message))
        .await
        .unwrap();
    let user = suite.get(ada).await;
    assert!(!user.operator && user.state() == pb::UserState::Active);
    let closed = suite.authorization.closed.lock().unwrap().get(&ada).copied();
    assert!(
        closed.is_some_and(|version| version < user.version),
        "authorization first"
    );
    let group = grant(&suite, "group:grp_1", true).await;
    assert_eq!(refused(group).0, Code::InvalidArgument);
}

async fn service_accounts_make_no_operators_and_disable_none(bed: Bed) {
    let suite = Suite::start(bed).await;
    let create = |role: &str| pb::CreateServiceAccountRequest {
        title: "Terraform".to_owned(),
        scope: "deployment".to_owned(),
        role: role.to_owned(),
        request_id: String::new(),
    };
    let refusal = suite
        .service_accounts()
        .create_service_account(suite.root(create("operator")))
        .await;
    assert_eq!(refused(refusal).0, Code::PermissionDenied);
    let made = suite
        .service_accounts()
        .create_service_account(suite.root(create("")))
        .await
        .unwrap()
        .into_inner();
    let id = made.service_account.unwrap().service_account;
    let subject = format!("service:{id}");
    // Not configured: refused, with a text that names the setting.
    let off = grant(&suite, &subject, true).await.unwrap_err();
    assert_eq!(off.code(), Code::PermissionDenied);
    assert!(
        off.message().contains("identity.operators.service_accounts"),
        "{off:?}"
    );
    // Even one that is an operator has no session to prove itself in, and decides nothing about operators.
    let message = pb::IssueTokenRequest {
        client_id: id,
        client_secret: made.secret,
    };
    let issued = suite.tokens().issue_token(message).await.unwrap().into_inner();
    let token = issued.access_token;
    let service = subject.parse().unwrap();
    suite.authorization.operators.lock().unwrap().insert(service);
    let ada = suite.user("ada@example.com").await;
    for subject in [subject, format!("user:{ada}")] {
        let message = pb::GrantOperatorRequest { subject };
        let refusal = suite.operators().grant_operator(bearer(message, &token)).await;
        assert_eq!(
            refused(refusal),
            (Code::Unauthenticated, "STEP_UP_REQUIRED".to_owned())
        );
    }
    let refusal = disable(&suite, &token, &root_of(&suite).await).await;
    assert_eq!(refused(refusal).0, Code::PermissionDenied);
    disable(&suite, &token, &ada.to_string()).await.unwrap();
}
