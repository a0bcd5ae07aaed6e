//! The guard: each kind of declaration against each kind of caller.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bailiwick_proto::{Access, METHODS, Method, method};
use bailiwick_rpc::{
    Context, Guard, Held, OperatorAllowed, Rights, RightsError, StepUp, StepUpError, Target,
};
use bailiwick_testkit::golden;
use bailiwick_types::{
    AccountId, Authorized, Caller, CallerKind, Scope, ServiceAccountId, SessionId, Subject, UserId,
    WorkspaceId,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

type Question = (Option<AccountId>, String, Vec<String>, OperatorAllowed);

/// Rights as a test gives them.
#[derive(Default)]
struct Given {
    /// Held in this account by roles of it.
    in_account: Option<AccountId>,
    /// Held by a role of the deployment.
    operator: bool,
    fails: Option<RightsError>,
    asked: Mutex<Vec<Question>>,
}

#[async_trait]
impl Rights for Given {
    async fn held(
        &self,
        _: &Subject,
        account: Option<AccountId>,
        permission: &str,
        targets: &[String],
        operator: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        let question = (account, permission.to_owned(), targets.to_vec(), operator);
        self.asked.lock().unwrap().push(question);
        if let Some(error) = &self.fails {
            return Err(error.clone());
        }
        let own = account.is_some() && account == self.in_account && operator != OperatorAllowed::Only;
        let deployment = self.operator && operator != OperatorAllowed::No;
        Ok(Held {
            allowed: targets.iter().map(|_| own || deployment).collect(),
            operator: !own && deployment,
        })
    }
}

#[derive(Default)]
struct Once(AtomicUsize);

#[async_trait]
impl StepUp for Once {
    async fn consume(&self, _: SessionId) -> Result<(), StepUpError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(StepUpError::Required),
        }
    }
}

fn account(n: u128) -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(n))
}

fn caller(kind: CallerKind, account: Option<AccountId>) -> Caller {
    let id = uuid::Uuid::from_u128(1);
    let subject = match kind {
        CallerKind::Anonymous => return Caller::anonymous(),
        CallerKind::User => Subject::user(UserId::from_uuid(id)),
        CallerKind::Service => Subject::service(ServiceAccountId::from_uuid(id)),
        CallerKind::Internal => "service:tenancy".parse().unwrap(),
    };
    Caller {
        kind,
        subject: Some(subject),
        account,
        session: (kind == CallerKind::User).then(|| SessionId::from_uuid(id)),
        expires: None,
    }
}

/// Every way in which somebody may call about account 1.
fn callers() -> Vec<(&'static str, Caller)> {
    vec![
        ("anonymous", caller(CallerKind::Anonymous, None)),
        ("user of the account", caller(CallerKind::User, Some(account(1)))),
        (
            "user of another account",
            caller(CallerKind::User, Some(account(2))),
        ),
        ("user of no account", caller(CallerKind::User, None)),
        ("service", caller(CallerKind::Service, None)),
        (
            "service of the account",
            caller(CallerKind::Service, Some(account(1))),
        ),
        (
            "service of another account",
            caller(CallerKind::Service, Some(account(2))),
        ),
        ("internal", caller(CallerKind::Internal, None)),
    ]
}

static UNDECLARED: Method = Method {
    path: "/some.Service/Undeclared",
    access: Access::Undeclared,
    permission: "",
    on: "",
    step_up: false,
};

/// One method of each kind.
fn kinds() -> Vec<(&'static str, &'static Method)> {
    let get = |path: &str| method(path).unwrap_or_else(|| panic!("no method {path}"));
    vec![
        ("undeclared", &UNDECLARED),
        (
            "public",
            get("/bailiwick.identity.v1.AuthenticationService/SignIn"),
        ),
        ("self", get("/bailiwick.identity.v1.UserService/UpdateUser")),
        (
            "permission",
            get("/bailiwick.tenancy.v1.AccountService/GetAccount"),
        ),
        (
            "filtered",
            get("/bailiwick.tenancy.v1.WorkspaceService/ListWorkspaces"),
        ),
        (
            "delegation",
            get("/bailiwick.authorization.v1.GrantService/CreateGrant"),
        ),
        (
            "operator",
            get("/bailiwick.tenancy.v1.AccountService/SuspendAccount"),
        ),
        (
            "internal",
            get("/bailiwick.authorization.v1.AccessService/CheckCaller"),
        ),
    ]
}

fn guard(given: Given) -> (Guard, Arc<Given>) {
    let given = Arc::new(given);
    (Guard::new(given.clone(), Arc::new(Once::default())), given)
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

fn told(result: &Result<Authorized, Status>) -> String {
    match result {
        Ok(authorized) if authorized.is_operator() => "ok, as operator".to_owned(),
        Ok(_) => "ok".to_owned(),
        Err(status) => format!("{:?} {}", status.code(), reason(status)),
    }
}

/// What the rights of a row of the matrix say.
fn rights() -> Vec<(&'static str, Given)> {
    let nothing = Given::default();
    let own = Given {
        in_account: Some(account(1)),
        ..Given::default()
    };
    let deployment = Given {
        operator: true,
        ..Given::default()
    };
    vec![
        ("nothing", nothing),
        ("a role of the account", own),
        ("a role of the deployment", deployment),
    ]
}

#[tokio::test]
async fn each_kind_of_declaration_against_each_kind_of_caller_and_right() {
    let mut text = String::from("declaration | target | caller | holds | answer\n");
    for (kind, method) in kinds() {
        for (on, target) in [("account", Target::Account(account(1))), ("none", Target::None)] {
            for (who, caller) in callers() {
                for (holds, given) in rights() {
                    let (guard, _) = guard(given);
                    let context = Context::new(method, caller.clone());
                    let result = guard.authorize(&context, target.clone()).await;
                    text += &format!("{kind} | {on} | {who} | {holds} | {}\n", told(&result));
                }
            }
        }
    }
    golden("tests/guard/matrix.txt", &text);
}

#[tokio::test]
async fn every_method_against_every_kind_of_caller_that_holds_nothing() {
    let mut text = String::from(
        "method | declaration | permission | step-up | who passes the guard without any right\n",
    );
    for method in METHODS {
        let mut passing = Vec::new();
        for (who, caller) in callers() {
            let (guard, _) = guard(Given::default());
            let context = Context::new(method, caller);
            if guard
                .authorize(&context, Target::Account(account(1)))
                .await
                .is_ok()
            {
                passing.push(who);
            }
        }
        let (path, access, permission) = (method.path, method.access, method.permission);
        let step_up = if method.step_up { "yes" } else { "no" };
        text += &format!(
            "{path} | {access:?} | {permission} | {step_up} | {}\n",
            passing.join(", ")
        );
    }
    golden("tests/guard/methods.txt", &text);
}

#[tokio::test]
async fn nobody_without_the_right_passes_whatever_the_caller_and_the_method() {
    for method in METHODS {
        for (who, caller) in callers() {
            let (guard, _) = guard(Given::default());
            let context = Context::new(method, caller.clone());
            let passed = guard
                .authorize(&context, Target::Account(account(1)))
                .await
                .is_ok();
            let may = match method.access {
                Access::Undeclared | Access::Permission | Access::Operator => false,
                Access::Public => true,
                Access::Internal => caller.kind == CallerKind::Internal,
                // A list for a token of no account, or of another, is filtered to nothing.
                Access::Filtered => matches!(caller.kind, CallerKind::User | CallerKind::Service),
                Access::Caller | Access::Delegation => {
                    let bound = caller.account == Some(account(1)) || caller.kind == CallerKind::Service;
                    let elsewhere = caller.account.is_some_and(|a| a != account(1));
                    matches!(caller.kind, CallerKind::User | CallerKind::Service) && bound && !elsewhere
                }
            };
            assert_eq!(passed, may, "{} by {who}", method.path);
        }
    }
}

#[tokio::test]
async fn what_is_denied_and_what_does_not_exist_answer_alike() {
    let method = method("/bailiwick.tenancy.v1.AccountService/GetAccount").unwrap();
    let context = Context::new(method, caller(CallerKind::User, Some(account(1))));
    let (guard, _) = guard(Given::default());
    let own = guard
        .authorize(&context, Target::Account(account(1)))
        .await
        .unwrap_err();
    let other = guard
        .authorize(&context, Target::Account(account(2)))
        .await
        .unwrap_err();
    assert_eq!(
        (own.code(), own.message(), own.details()),
        (other.code(), other.message(), other.details())
    );
    assert_eq!(own.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn the_question_names_the_declared_permission_and_the_target() {
    let method = method("/bailiwick.tenancy.v1.WorkspaceService/GetWorkspace").unwrap();
    let workspace = Scope::Workspace(WorkspaceId::from_uuid(uuid::Uuid::from_u128(5)));
    let (guard, given) = guard(Given {
        in_account: Some(account(1)),
        ..Given::default()
    });
    let context = Context::new(method, caller(CallerKind::User, Some(account(1))));
    let authorized = guard
        .authorize(&context, Target::scope(account(1), &workspace))
        .await
        .unwrap();
    assert_eq!(
        (authorized.account(), authorized.permission()),
        (Some(account(1)), Some("workspace.view"))
    );
    let question = given.asked.lock().unwrap().pop().unwrap();
    let targets = vec![workspace.to_string()];
    assert_eq!(
        question,
        (
            Some(account(1)),
            "workspace.view".to_owned(),
            targets,
            OperatorAllowed::No
        )
    );
}

#[tokio::test]
async fn a_permission_of_the_request_is_asked_only_where_the_method_names_none() {
    let open = method("/bailiwick.authorization.v1.ResourceService/RegisterResource").unwrap();
    let fixed = method("/bailiwick.tenancy.v1.AccountService/GetAccount").unwrap();
    let (guard, given) = guard(Given {
        in_account: Some(account(1)),
        ..Given::default()
    });
    let user = || caller(CallerKind::User, Some(account(1)));
    let target = || Target::Account(account(1));
    guard
        .authorize_with(&Context::new(open, user()), "survey.create", target())
        .await
        .unwrap();
    assert_eq!(given.asked.lock().unwrap()[0].1, "survey.create");
    for context in [Context::new(fixed, user()), Context::new(open, user())] {
        let permission = if context.method == open {
            ""
        } else {
            "survey.create"
        };
        let status = guard
            .authorize_with(&context, permission, target())
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Internal);
    }
    // And asking for nothing is no way to pass.
    let status = guard
        .authorize(&Context::new(open, user()), target())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Internal);
}

#[tokio::test]
async fn rights_that_cannot_be_told_are_no_decision() {
    let method = method("/bailiwick.tenancy.v1.AccountService/GetAccount").unwrap();
    let cases = [
        (RightsError::Unavailable, Code::Unavailable),
        (RightsError::DeadlineExceeded, Code::DeadlineExceeded),
        (RightsError::Internal("odd".to_owned()), Code::Internal),
    ];
    for (error, code) in cases {
        let (guard, _) = guard(Given {
            fails: Some(error),
            in_account: Some(account(1)),
            ..Given::default()
        });
        let context = Context::new(method, caller(CallerKind::User, Some(account(1))));
        let status = guard
            .authorize(&context, Target::Account(account(1)))
            .await
            .unwrap_err();
        assert_eq!(status.code(), code);
    }
}

/// Answers fewer questions than were asked.
struct Short;

#[async_trait]
impl Rights for Short {
    async fn held(
        &self,
        _: &Subject,
        _: Option<AccountId>,
        _: &str,
        _: &[String],
        _: OperatorAllowed,
    ) -> Result<Held, RightsError> {
        Ok(Held::default())
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_allows_nothing() {
    let method = method("/bailiwick.tenancy.v1.WorkspaceService/ListWorkspaces").unwrap();
    let guard = Guard::new(Arc::new(Short), Arc::new(Once::default()));
    let context = Context::new(method, caller(CallerKind::User, Some(account(1))));
    let scopes = [Scope::Account(account(1))];
    assert_eq!(
        guard
            .filter(&context, account(1), &scopes)
            .await
            .unwrap_err()
            .code(),
        Code::Internal
    );
}

#[tokio::test]
async fn a_list_of_an_account_shows_a_token_of_another_nothing_whatever_is_held_there() {
    let places = method("/bailiwick.tenancy.v1.WorkspaceService/ListWorkspaces").unwrap();
    let things = method("/bailiwick.authorization.v1.ResourceService/ListResourcesInScope").unwrap();
    let scopes = [Scope::Account(account(1))];
    let targets = ["survey:s1".to_owned()];
    for kind in [CallerKind::User, CallerKind::Service] {
        for (from, sees) in [(account(1), true), (account(2), false)] {
            let (guard, _) = guard(Given {
                in_account: Some(account(1)),
                ..Given::default()
            });
            let context = |method| Context::new(method, caller(kind, Some(from)));
            let shown = guard.filter(&context(places), account(1), &scopes).await;
            assert_eq!(shown.unwrap(), [sees], "{kind:?}");
            let shown = guard
                .filter_targets(&context(things), "survey.view", account(1), &targets)
                .await;
            assert_eq!(shown.unwrap(), [sees], "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_list_over_accounts_shows_a_bound_token_its_own_account_alone() {
    let method = method("/bailiwick.tenancy.v1.AccountService/ListAccounts").unwrap();
    let scopes = [Scope::Account(account(1)), Scope::Account(account(2))];
    let shown = async |who: Caller, given: Given| {
        let (guard, _) = guard(given);
        guard
            .filter(&Context::new(method, who), None, &scopes)
            .await
            .unwrap()
    };
    let own = |n| Given {
        in_account: Some(account(n)),
        ..Given::default()
    };
    assert_eq!(
        shown(caller(CallerKind::User, Some(account(1))), own(1)).await,
        [true, false]
    );
    assert_eq!(
        shown(caller(CallerKind::User, Some(account(1))), own(2)).await,
        [false, false]
    );
    // Without an account one sees one's own accounts, and an operator sees all.
    assert_eq!(shown(caller(CallerKind::User, None), own(2)).await, [false, true]);
    let operator = Given {
        operator: true,
        ..Given::default()
    };
    assert_eq!(
        shown(caller(CallerKind::User, None), operator).await,
        [true, true]
    );
}

#[tokio::test]
async fn a_step_up_is_used_once_and_only_a_session_can_have_one() {
    let method = method("/bailiwick.authorization.v1.BindingService/TransferOwnership").unwrap();
    let (guard, _) = guard(Given::default());
    let user = Context::new(method, caller(CallerKind::User, Some(account(1))));
    guard.step_up(&user).await.unwrap();
    let status = guard.step_up(&user).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unauthenticated, "STEP_UP_REQUIRED")
    );
    let service = Context::new(method, caller(CallerKind::Service, None));
    let status = guard.step_up(&service).await.unwrap_err();
    assert_eq!(reason(&status), "STEP_UP_REQUIRED");
}
