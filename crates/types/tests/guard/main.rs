//! The guard: each kind of declaration against each kind of caller.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod keys;
mod product;

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bailiwick_testkit::golden;
use bailiwick_types::{
    Access, AccountId, ApiKeyId, Authority, Authorized, Caller, CallerKind, Code, Credentials, Declaration,
    Fault, Guard, Held, Idempotency, Intent, KeyScope, Method, OperatorAllowed, Reason, Refusal,
    RequestDigest, Rights, RightsError, Scope, Service, ServiceAccountId, SessionId, StepUp, StepUpError,
    Subject, Target, Timestamp, UserId, WorkspaceId, every_method,
    method::{METHODS, authorization as a, identity as i, tenancy as t},
};

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
    async fn consume(
        &self,
        _: SessionId,
        _: &'static Declaration,
        _: &RequestDigest,
    ) -> Result<(), StepUpError> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(()),
            _ => Err(StepUpError::Required),
        }
    }
}

fn account(n: u128) -> AccountId {
    AccountId::from_uuid(uuid::Uuid::from_u128(n))
}

fn caller(kind: CallerKind, account: Option<AccountId>) -> Arc<Caller> {
    let id = uuid::Uuid::from_u128(1);
    let subject = match kind {
        CallerKind::Anonymous => return Arc::new(Caller::anonymous()),
        CallerKind::User => Subject::user(UserId::from_uuid(id)),
        CallerKind::Service => Subject::service(ServiceAccountId::from_uuid(id)),
        CallerKind::Internal => unreachable!("see `service`"),
        CallerKind::Key => return key(account.expect("a key has an account"), None, &[]),
    };
    Arc::new(Authority::establish().verifier.caller(Credentials {
        kind,
        subject,
        account,
        session: (kind == CallerKind::User).then(|| SessionId::from_uuid(id)),
        expires: None,
        audience: None,
    }))
}

/// A key of the user for these permissions, or for all that methods declare, in a place of an account or in
/// all of it.
fn key(account: AccountId, place: Option<Scope>, permissions: &[&str]) -> Arc<Caller> {
    let declared = || {
        let types = METHODS
            .iter()
            .filter_map(|method| method.permission.split_once('.'));
        let types = types.map(|(type_name, _)| type_name.replace("TYPE", "survey"));
        types.map(|type_name| format!("{type_name}.*"))
    };
    let permissions: Vec<String> = if permissions.is_empty() {
        declared().collect()
    } else {
        permissions.iter().map(|name| (*name).to_owned()).collect()
    };
    let id = uuid::Uuid::from_u128(1);
    let scope = KeyScope {
        key: ApiKeyId::from_uuid(id),
        account,
        place: place.unwrap_or(Scope::Account(account)),
        permissions: permissions.iter().map(|name| name.parse().unwrap()).collect(),
        networks: Vec::new(),
    };
    let (user, expires) = (UserId::from_uuid(id), Timestamp(i64::MAX));
    let verifier = Authority::establish().verifier;
    Arc::new(verifier.key_caller(user, Arc::new(scope), expires))
}

/// One of the suite's own services, with a token for one.
fn service(name: &str, audience: Option<Service>) -> Arc<Caller> {
    Arc::new(Authority::establish().verifier.caller(Credentials {
        kind: CallerKind::Internal,
        subject: Subject::new("service", name).unwrap(),
        account: None,
        session: None,
        expires: None,
        audience,
    }))
}

/// Every way in which somebody may call a method about account 1. Tokens of services are for the service that
/// has the method.
fn callers(declared: &Declaration) -> Vec<(&'static str, Arc<Caller>)> {
    let own = declared.service().or(Some(Service::Identity));
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
        ("key of the account", caller(CallerKind::Key, Some(account(1)))),
        (
            "key of another account",
            caller(CallerKind::Key, Some(account(2))),
        ),
        ("identity", service("identity", own)),
        ("tenancy", service("tenancy", own)),
        ("authorization", service("authorization", own)),
        ("unknown service", service("billing", own)),
    ]
}

enum Undeclared {}
impl Method for Undeclared {
    const DECLARATION: &'static Declaration = &Declaration {
        path: "/some.Service/Undeclared",
        access: Access::Undeclared,
        permission: "",
        on: "",
        step_up: false,
        idempotency: Idempotency::Unknown,
        streaming: false,
        callers: &[],
    };
}

fn guard(given: Given) -> (Guard, Arc<Given>) {
    let given = Arc::new(given);
    (Guard::new(given.clone(), Arc::new(Once::default())), given)
}

fn intent(dry_run: bool) -> Intent {
    if dry_run {
        Intent::DryRun
    } else {
        Intent::Carry(RequestDigest([7; 32]))
    }
}

/// The way in which a handler has a call of the method pass.
async fn authorize<M: Method>(
    guard: &Guard,
    caller: &Arc<Caller>,
    target: &Target,
) -> Result<Authorized<M>, Refusal> {
    attempt(guard, caller, target, false).await
}

async fn attempt<M: Method>(
    guard: &Guard,
    caller: &Arc<Caller>,
    target: &Target,
    dry_run: bool,
) -> Result<Authorized<M>, Refusal> {
    if M::DECLARATION.step_up && M::DECLARATION.access == Access::Delegation {
        return guard
            .authorize_delegated(caller, target, intent(dry_run), async |_| Ok(()))
            .await;
    }
    guard.authorize(caller, target, intent(dry_run)).await
}

fn told<M: Method>(result: &Result<Authorized<M>, Refusal>) -> String {
    match result {
        Ok(authorized) if authorized.is_operator() => "ok, as operator".to_owned(),
        Ok(_) => "ok".to_owned(),
        Err(refusal) => format!("{:?} {}", refusal.code(), refusal.reason().as_str()),
    }
}

fn on_account() -> Target {
    Target::account(account(1)).of_type("survey")
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

async fn rows<M: Method>(kind: &str, text: &mut String) {
    for (on, target) in [("account", on_account()), ("none", Target::none())] {
        for (who, caller) in callers(M::DECLARATION) {
            for (holds, given) in rights() {
                let (guard, _) = guard(given);
                let result = authorize::<M>(&guard, &caller, &target).await;
                *text += &format!("{kind} | {on} | {who} | {holds} | {}\n", told(&result));
            }
        }
    }
}

#[tokio::test]
async fn each_kind_of_declaration_against_each_kind_of_caller_and_right() {
    let mut text = String::from("declaration | target | caller | holds | answer\n");
    rows::<Undeclared>("undeclared", &mut text).await;
    rows::<i::SignIn>("public", &mut text).await;
    rows::<i::ChangePassword>("self", &mut text).await;
    rows::<t::GetAccount>("permission", &mut text).await;
    rows::<t::ListWorkspaces>("filtered", &mut text).await;
    rows::<a::CreateGrant>("delegation", &mut text).await;
    rows::<t::SuspendAccount>("operator", &mut text).await;
    rows::<a::CheckCaller>("internal", &mut text).await;
    rows::<i::GetUser>("self or permission", &mut text).await;
    golden("tests/guard/matrix.txt", &text);
}

async fn passing<M: Method>(given: impl Fn() -> Given) -> Vec<&'static str> {
    let mut passing = Vec::new();
    for (who, caller) in callers(M::DECLARATION) {
        let (guard, _) = guard(given());
        if authorize::<M>(&guard, &caller, &on_account()).await.is_ok() {
            passing.push(who);
        }
    }
    passing
}

#[tokio::test]
async fn every_method_against_every_kind_of_caller_that_holds_nothing() {
    let mut text = String::from(
        "method | declaration | permission | step-up | who passes the guard without any right\n",
    );
    macro_rules! row {
        ($method:ty) => {
            let Declaration {
                path,
                access,
                permission,
                step_up,
                ..
            } = <$method>::DECLARATION;
            let step_up = if *step_up { "yes" } else { "no" };
            let passing = passing::<$method>(Given::default).await.join(", ");
            text += &format!("{path} | {access:?} | {permission} | {step_up} | {passing}\n");
        };
    }
    every_method!(row);
    golden("tests/guard/methods.txt", &text);
}

async fn holds_without_the_right<M: Method>() {
    let declared = M::DECLARATION;
    for ((who, caller), dry_run) in callers(declared)
        .into_iter()
        .flat_map(|one| [(one.clone(), false), (one, true)])
    {
        let (guard, _) = guard(Given::default());
        let passed = attempt::<M>(&guard, &caller, &on_account(), dry_run)
            .await
            .is_ok();
        let person = matches!(caller.kind(), CallerKind::User | CallerKind::Service);
        let named = |caller: &Caller| {
            caller
                .service()
                .is_some_and(|own| declared.callers.contains(&own))
        };
        let may = match declared.access {
            _ if caller.kind() == CallerKind::Internal => {
                let by_name = matches!(declared.access, Access::Internal | Access::Public);
                by_name && named(&caller)
            }
            Access::Undeclared | Access::Permission | Access::Operator | Access::CallerOrPermission => false,
            Access::Public => true,
            Access::Internal => false,
            // A list for a token of no account, or of another, is filtered to nothing.
            Access::Filtered => person || caller.kind() == CallerKind::Key,
            Access::Caller | Access::Delegation => {
                let bound = caller.account() == Some(account(1)) || caller.kind() == CallerKind::Service;
                let elsewhere = caller.account().is_some_and(|a| a != account(1));
                // A dry run consumes no step-up.
                let stepped_up = !declared.step_up || dry_run || caller.session().is_some();
                person && bound && !elsewhere && stepped_up
            }
        };
        assert_eq!(passed, may, "{} by {who}, dry run: {dry_run}", declared.path);
    }
}

#[tokio::test]
async fn no_method_passes_without_the_right_that_it_declares() {
    macro_rules! check {
        ($method:ty) => {
            holds_without_the_right::<$method>().await;
        };
    }
    every_method!(check);
}

/// A session with a Reauthenticate for some methods.
struct For(fn(&Declaration) -> bool);

#[async_trait]
impl StepUp for For {
    async fn consume(
        &self,
        _: SessionId,
        method: &'static Declaration,
        request: &RequestDigest,
    ) -> Result<(), StepUpError> {
        assert_eq!(*request, RequestDigest([7; 32]), "the digest of the call");
        if (self.0)(method) {
            Ok(())
        } else {
            Err(StepUpError::Required)
        }
    }
}

async fn needs_its_step_up<M: Method>(seen: &mut usize, step_ups: fn(&Declaration) -> bool, may_pass: bool) {
    if !M::DECLARATION.step_up {
        return;
    }
    *seen += 1;
    let all = Given {
        in_account: Some(account(1)),
        operator: true,
        ..Given::default()
    };
    let guard = Guard::new(Arc::new(all), Arc::new(For(step_ups)));
    let mut passed = false;
    // A service account and a key have no session in which they could prove themselves again.
    for user in [
        caller(CallerKind::User, Some(account(1))),
        caller(CallerKind::User, None),
        caller(CallerKind::Service, Some(account(1))),
        caller(CallerKind::Service, None),
        caller(CallerKind::Key, Some(account(1))),
    ] {
        for target in [on_account(), Target::none()] {
            if let Err(refusal) = authorize::<M>(&guard, &user, &target).await {
                let denied = [Reason::StepUpRequired, Reason::PermissionDenied];
                assert!(denied.contains(&refusal.reason()), "{refusal}");
            } else {
                assert!(may_pass, "{} passes without its step-up", M::DECLARATION.path);
                passed = true;
            }
        }
    }
    assert_eq!(passed, may_pass, "{}", M::DECLARATION.path);
}

#[tokio::test]
async fn every_method_with_step_up_is_refused_without_one_and_with_one_for_another_method() {
    let mut seen = 0;
    macro_rules! check {
        ($method:ty) => {
            needs_its_step_up::<$method>(&mut seen, |_| false, false).await;
            let of_others = |asked: &Declaration| asked.path != <$method>::DECLARATION.path;
            needs_its_step_up::<$method>(&mut seen, of_others, false).await;
            let its_own = |asked: &Declaration| asked.path == <$method>::DECLARATION.path;
            needs_its_step_up::<$method>(&mut seen, its_own, true).await;
        };
    }
    every_method!(check);
    assert!(seen >= 24, "{seen}");
}

/// How methods begin that cannot be undone, or that decide who operates the deployment.
const FINAL: [&str; 4] = ["Delete", "Grant", "Recover", "Revoke"];

#[test]
fn what_only_an_operator_may_do_and_nobody_can_undo_asks_for_step_up() {
    let mut seen = 0;
    macro_rules! check {
        ($method:ty) => {
            let declared = <$method>::DECLARATION;
            let name = declared.path.rsplit('/').next().unwrap();
            if declared.access == Access::Operator && FINAL.iter().any(|verb| name.starts_with(verb)) {
                assert!(declared.step_up, "{}", declared.path);
                seen += 1;
            }
        };
    }
    every_method!(check);
    assert!(seen >= 4, "{seen}");
    // A user may delete itself: it is not for operators alone, and cannot be undone either.
    assert!(i::DeleteUser::DECLARATION.step_up);
}

#[tokio::test]
async fn a_caller_asks_about_itself_without_the_permission_but_only_with_a_token_of_the_account() {
    let mut passing = Vec::new();
    for (who, caller) in callers(a::ConsumeApproval::DECLARATION) {
        let (guard, given) = guard(Given::default());
        let Some(own) = caller.subject().cloned() else {
            continue;
        };
        let itself = on_account().owned_by(own);
        if authorize::<a::ConsumeApproval>(&guard, &caller, &itself)
            .await
            .is_ok()
        {
            passing.push(who);
        }
        let other = on_account().owned_by("user:somebody_else".parse().unwrap());
        let refused = authorize::<a::ConsumeApproval>(&guard, &caller, &other).await;
        assert_eq!(refused.unwrap_err().reason(), Reason::PermissionDenied, "{who}");
        assert!(
            given
                .asked
                .lock()
                .unwrap()
                .iter()
                .all(|asked| asked.1 == "decision.check")
        );
    }
    assert_eq!(
        passing,
        ["user of the account", "service", "service of the account"]
    );
}

#[tokio::test]
async fn the_permission_shows_all_rows_of_an_account_and_a_token_of_it_those_of_the_caller() {
    let mut text = String::new();
    for (who, caller) in callers(a::ListApprovals::DECLARATION) {
        for (holds, given) in rights() {
            let (guard, _) = guard(given);
            let seen = guard
                .authorize_rows::<a::ListApprovals>(&caller, account(1))
                .await;
            let seen = match seen {
                Ok((by, rows)) => {
                    assert!(by.reads(account(1)).is_some() && by.reads(account(2)).is_none());
                    assert!(by.writes(account(1)).is_none());
                    format!("{rows:?}")
                }
                Err(refusal) => refusal.reason().as_str().to_owned(),
            };
            text += &format!("{who} | {holds} | {seen}\n");
        }
    }
    golden("tests/guard/rows.txt", &text);
    let (guard, _) = guard(Given::default());
    let service = caller(CallerKind::Service, None);
    let refused = guard
        .authorize_rows::<t::GetAccount>(&service, account(1))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
}

#[tokio::test]
async fn what_is_denied_and_what_does_not_exist_answer_alike() {
    let user = caller(CallerKind::User, Some(account(1)));
    let (guard, _) = guard(Given::default());
    let refused = async |n| {
        let target = Target::account(account(n));
        let refusal = authorize::<t::GetAccount>(&guard, &user, &target)
            .await
            .unwrap_err();
        (refusal.code(), refusal.reason(), refusal.to_string())
    };
    assert_eq!(refused(1).await, refused(2).await);
    assert_eq!(refused(1).await.0, Code::PermissionDenied);
}

#[tokio::test]
async fn the_operator_reaches_the_account_that_the_call_names_and_a_new_one_only_without_a_name() {
    let (guard, _) = guard(Given {
        operator: true,
        ..Given::default()
    });
    let operator = caller(CallerKind::User, None);
    let ids = bailiwick_types::SeededIds::new(1);
    let by = authorize::<t::SuspendAccount>(&guard, &operator, &Target::account(account(1))).await;
    let by = by.unwrap();
    assert_eq!(by.account_write().unwrap().id(), account(1));
    assert!(by.all_accounts().is_none() && by.new_account(&ids).is_none());
    let none = Target::none();
    let by = guard.authorize::<t::CreateAccount>(&operator, &none, intent(false));
    let by = by.await.unwrap();
    assert!(by.account().is_none() && by.new_account(&ids).is_some());
    let preview = guard.authorize::<t::CreateAccount>(&operator, &none, intent(true));
    assert!(preview.await.unwrap().new_account(&ids).is_none());
}

#[tokio::test]
async fn a_token_for_an_account_lets_no_role_of_the_deployment_give_anything_away() {
    let (guard, _) = guard(Given {
        operator: true,
        ..Given::default()
    });
    let none = Target::none();
    let operator = caller(CallerKind::User, None);
    let by = authorize::<i::CreateServiceAccount>(&guard, &operator, &none).await;
    assert!(by.unwrap().is_operator());
    for kind in [CallerKind::User, CallerKind::Service] {
        let bound = caller(kind, Some(account(1)));
        let refused = authorize::<i::CreateServiceAccount>(&guard, &bound, &none).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied, "{kind:?}");
    }
}

#[tokio::test]
async fn a_list_of_accounts_shows_a_token_for_an_account_no_other() {
    let scopes = [1, 2].map(|n| Scope::Account(account(n)));
    for kind in [CallerKind::User, CallerKind::Service] {
        for (holds_in, expected) in [(1, [true, false]), (2, [false, false])] {
            let (guard, _) = guard(Given {
                in_account: Some(account(holds_in)),
                ..Given::default()
            });
            let bound = caller(kind, Some(account(1)));
            let declared = <t::ListAccounts as Method>::DECLARATION;
            let shown = guard.filter(declared, &bound, None, &scopes).await.unwrap();
            assert_eq!(shown, expected, "{kind:?} {holds_in}");
        }
    }
}

#[tokio::test]
async fn the_question_names_the_declared_permission_and_the_target() {
    let workspace = Scope::Workspace(WorkspaceId::from_uuid(uuid::Uuid::from_u128(5)));
    let (guard, given) = guard(Given {
        in_account: Some(account(1)),
        ..Given::default()
    });
    let user = caller(CallerKind::User, Some(account(1)));
    let target = Target::scope(account(1), &workspace);
    let authorized = authorize::<t::GetWorkspace>(&guard, &user, &target)
        .await
        .unwrap();
    assert_eq!(authorized.account().unwrap().id(), account(1));
    assert_eq!(
        authorized.action(),
        "bailiwick.tenancy.v1.WorkspaceService/GetWorkspace"
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
async fn the_verb_of_a_type_is_asked_for_the_type_that_the_request_names() {
    let (guard, given) = guard(Given {
        in_account: Some(account(1)),
        ..Given::default()
    });
    let user = caller(CallerKind::User, Some(account(1)));
    let asked = async |target: Target| {
        authorize::<a::RegisterResource>(&guard, &user, &target).await?;
        let (_, permission, targets, _) = given.asked.lock().unwrap().pop().unwrap();
        Ok::<_, Refusal>((permission, targets))
    };
    let parent = Target::on(account(1), "folder:f").of_type("survey");
    assert_eq!(
        asked(parent).await.unwrap(),
        ("survey.create".to_owned(), vec!["folder:f".to_owned()])
    );
    let itself = Target::resource(account(1), "survey:s");
    assert_eq!(asked(itself).await.unwrap().0, "survey.create");
    // A target without type is no way to pass.
    let refusal = asked(Target::account(account(1))).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Internal);
}

#[tokio::test]
async fn unknown_rights_are_no_decision() {
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
        let user = caller(CallerKind::User, Some(account(1)));
        let refusal = authorize::<t::GetAccount>(&guard, &user, &on_account())
            .await
            .unwrap_err();
        assert_eq!(refusal.code(), code);
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
    let guard = Guard::new(Arc::new(Short), Arc::new(Once::default()));
    let user = caller(CallerKind::User, Some(account(1)));
    let scopes = [Scope::Account(account(1))];
    let refusal = guard
        .filter(t::ListWorkspaces::DECLARATION, &user, Some(account(1)), &scopes)
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), Code::Internal);
}

#[tokio::test]
async fn a_list_of_an_account_shows_a_token_of_another_nothing_whatever_is_held_there() {
    let scopes = [Scope::Account(account(1))];
    let targets = ["survey:s1".to_owned()];
    for kind in [CallerKind::User, CallerKind::Service] {
        for (from, sees) in [(account(1), true), (account(2), false)] {
            let (guard, _) = guard(Given {
                in_account: Some(account(1)),
                ..Given::default()
            });
            let user = caller(kind, Some(from));
            let places = t::ListWorkspaces::DECLARATION;
            let shown = guard.filter(places, &user, Some(account(1)), &scopes).await;
            assert_eq!(shown.unwrap(), [sees], "{kind:?}");
            let things = a::ListResourcesInScope::DECLARATION;
            let shown = guard
                .filter_resources(things, &user, account(1), "survey", &targets)
                .await;
            assert_eq!(shown.unwrap(), [sees], "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_list_over_accounts_shows_a_bound_token_its_own_account_alone() {
    let scopes = [Scope::Account(account(1)), Scope::Account(account(2))];
    let shown = async |who: Arc<Caller>, given: Given| {
        let (guard, _) = guard(given);
        guard
            .filter(t::ListAccounts::DECLARATION, &who, None, &scopes)
            .await
            .unwrap()
    };
    let own = |n| Given {
        in_account: Some(account(n)),
        ..Given::default()
    };
    let bound = || caller(CallerKind::User, Some(account(1)));
    assert_eq!(shown(bound(), own(1)).await, [true, false]);
    assert_eq!(shown(bound(), own(2)).await, [false, false]);
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
    let (guard, _) = guard(Given::default());
    let transfer = async |who| authorize::<a::TransferOwnership>(&guard, &who, &on_account()).await;
    transfer(caller(CallerKind::User, Some(account(1))))
        .await
        .unwrap();
    for who in [
        caller(CallerKind::User, Some(account(1))),
        caller(CallerKind::Service, Some(account(1))),
    ] {
        let refusal = transfer(who).await.unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.reason()),
            (Code::Unauthenticated, Reason::StepUpRequired)
        );
    }
}

#[tokio::test]
async fn the_right_comes_before_the_step_up_and_a_dry_run_needs_none() {
    let guard = Guard::new(Arc::new(Given::default()), Arc::new(For(|_| false)));
    let user = caller(CallerKind::User, Some(account(1)));
    let permit = async |allowed: bool, dry_run: bool| {
        guard
            .authorize_delegated::<a::TransferOwnership, Refusal>(
                &user,
                &on_account(),
                intent(dry_run),
                async |by| {
                    assert!(by.account_write().is_none(), "a candidate writes nothing");
                    if allowed { Ok(()) } else { Err(Refusal::Denied) }
                },
            )
            .await
    };
    assert_eq!(
        permit(false, false).await.unwrap_err().reason(),
        Reason::PermissionDenied
    );
    assert_eq!(
        permit(true, false).await.unwrap_err().reason(),
        Reason::StepUpRequired
    );
    let dry = permit(true, true).await.unwrap();
    assert!(dry.is_dry_run() && dry.account_write().is_none());
}

#[tokio::test]
async fn a_service_reaches_the_methods_that_name_it_with_a_token_for_their_service_alone() {
    let audiences = [
        ("identity", Some(Service::Identity)),
        ("tenancy", Some(Service::Tenancy)),
        ("authorization", Some(Service::Authorization)),
        ("nobody", None),
    ];
    let mut text = String::from("method | caller | its token is for | answer\n");
    macro_rules! rows {
        ($method:ty) => {
            if <$method>::DECLARATION.is_internal() {
                for caller in ["identity", "tenancy", "authorization", "billing"] {
                    for (whom, audience) in audiences {
                        let (guard, _) = guard(Given {
                            in_account: Some(account(1)),
                            operator: true,
                            ..Given::default()
                        });
                        let by = service(caller, audience);
                        let answer = told(&authorize::<$method>(&guard, &by, &Target::none()).await);
                        let path = <$method>::DECLARATION.path;
                        text += &format!("{path} | {caller} | {whom} | {answer}\n");
                    }
                }
            }
        };
    }
    every_method!(rows);
    golden("tests/guard/services.txt", &text);
}
