//! Who asks: a caller that was just created, and a token for one account.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bailiwick_authorization_engine::{Arrivals, Arrived, Replica, ReplicaConfig, SourceError};
use bailiwick_authorization_server::SqlSource;
use bailiwick_proto::authorization::v1::{
    self as pb, decision_service_server::DecisionService, query_service_server::QueryService,
};
use bailiwick_rpc::Context;
use bailiwick_types::{AccountId, Scope, ScopeRoot, Service, Subject, Token};
use tonic::{Code, Request, Status};

use crate::{
    desk::*,
    support::{World, account, user},
};

bailiwick_testkit::on_both_engines! {
    a_question_about_an_account_waits_until_its_caller_is_known
    a_token_for_one_account_answers_for_no_other
    a_stranger_is_refused_before_anything_of_the_account_is_read
    a_stranger_becomes_known_with_its_first_role
}

/// The changes of users never arrive; those of others are there.
#[derive(Debug, Default)]
struct NoUsers(Mutex<Vec<ScopeRoot>>);

#[async_trait]
impl Arrivals for NoUsers {
    async fn wait(
        &self,
        service: Service,
        root: &ScopeRoot,
        _: &str,
        _: u64,
        _: Duration,
    ) -> Result<Arrived, SourceError> {
        if service != Service::Identity {
            return Ok(Arrived::Yes);
        }
        self.0.lock().unwrap().push(root.clone());
        Ok(Arrived::NotYet)
    }
}

/// A request of the operator, whose own last change is not here yet.
fn just_created<T>(path: &str, message: T) -> Request<T> {
    let mut request = of(&boss(), None, path, message);
    let root = ScopeRoot::User(boss().user_id().unwrap());
    let context = request.extensions_mut().get_mut::<Context>().unwrap();
    context.token = Token::of(Service::Identity, "epoch", root, 5);
    request
}

async fn a_question_about_an_account_waits_until_its_caller_is_known(world: World) {
    let source = Arc::new(SqlSource::new(world.db.clone()));
    let arrivals = Arc::new(NoUsers::default());
    let clock = world.bed.clock.clone();
    let replica = Replica::new(source, None, arrivals.clone(), clock, ReplicaConfig::default());
    let desk = desk_over(world, replica).await;
    let (id, scope) = (account(1).to_string(), Scope::Account(account(1)).to_string());
    let question = check(account(1), &user(1), "note.view", &scope);
    let waits = async |name: &str, answer: Result<(), Status>| {
        let refused = answer.expect_err(name);
        assert_eq!(refused.code(), Code::Unavailable, "{name}: {refused:?}");
        let waited = std::mem::take(&mut *arrivals.0.lock().unwrap());
        assert_eq!(waited, [ScopeRoot::User(boss().user_id().unwrap())], "{name}");
    };
    macro_rules! every {
        ($($of:ident $service:ident $name:ident $method:ident $message:expr;)+) => {$(
            let request = just_created(concat!(stringify!($service), "/", stringify!($name)), $message);
            waits(stringify!($name), desk.$of.$method(request).await.map(|_| ())).await;
        )+};
    }
    every! {
        decisions DecisionService Check check question.clone();
        decisions DecisionService BatchCheck batch_check pb::BatchCheckRequest {
            account: id.clone(),
            items: vec![pb::BatchCheckItem {
                subject: user(1).to_string(),
                permission: "note.view".to_owned(),
                target: scope.clone(),
                ..Default::default()
            }],
            ..Default::default()
        };
        decisions DecisionService Explain explain pb::ExplainRequest {
            check: Some(question.clone()),
        };
        queries QueryService ListPermissions list_permissions pb::ListPermissionsRequest {
            account: id.clone(),
            subject: user(1).to_string(),
            target: scope.clone(),
            ..Default::default()
        };
        queries QueryService ListResources list_resources pb::ListResourcesRequest {
            account: id.clone(),
            subject: user(1).to_string(),
            permission: "note.view".to_owned(),
            r#type: "note".to_owned(),
            ..Default::default()
        };
        queries QueryService PlanResources plan_resources pb::PlanResourcesRequest {
            account: id.clone(),
            subject: user(1).to_string(),
            permission: "note.view".to_owned(),
            r#type: "note".to_owned(),
            ..Default::default()
        };
        queries QueryService ListSubjects list_subjects pb::ListSubjectsRequest {
            account: id.clone(),
            ..Default::default()
        };
        queries QueryService ListSubjectPermissions list_subject_permissions
            pb::ListSubjectPermissionsRequest {
            account: id.clone(),
            target: scope.clone(),
            ..Default::default()
        };
    }
}

async fn a_token_for_one_account_answers_for_no_other(world: World) {
    let desk = desk(world).await;
    let mut write = desk.world.write(account(2)).await;
    write.bind(&asker(), "service", &Scope::Account(account(2))).await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let list = async |bound: Option<u128>, asked: Option<u128>| {
        let message = pb::ListScopesRequest {
            account: asked.map(|n| account(n).to_string()).unwrap_or_default(),
            subject: user(1).to_string(),
            ..Default::default()
        };
        let request = of(&asker(), bound.map(account), "QueryService/ListScopes", message);
        let page = desk.queries.list_scopes(request).await;
        page.map(|page| page.into_inner().scopes.len())
    };
    assert_eq!(list(Some(2), Some(2)).await.unwrap(), 2);
    assert_eq!(list(None, Some(2)).await.unwrap(), 2);
    // All accounts are the operator's, also for a service that may ask in each.
    for (bound, asked) in [(Some(1), Some(2)), (Some(2), None), (None, None)] {
        let refused = list(bound, asked).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{bound:?} {asked:?}");
    }
}

/// A thousand questions about an account.
fn many(a: AccountId) -> pb::BatchCheckRequest {
    let item = |n: usize| pb::BatchCheckItem {
        subject: user(1).to_string(),
        permission: "note.view".to_owned(),
        target: format!("note:{n}"),
        ..Default::default()
    };
    pb::BatchCheckRequest {
        account: a.to_string(),
        items: (0..1_000).map(item).collect(),
        ..Default::default()
    }
}

fn stranger() -> Subject {
    "service:stranger".parse().unwrap()
}

async fn a_stranger_is_refused_before_anything_of_the_account_is_read(world: World) {
    let desk = desk(world).await;
    let known = desk.replica.accounts();
    let batch = async |by: &Subject, bound: Option<AccountId>, a: AccountId| {
        let request = of(by, bound, "DecisionService/BatchCheck", many(a));
        desk.decisions.batch_check(request).await.map(drop)
    };
    for (by, bound) in [
        (stranger(), None),
        (stranger(), Some(account(2))),
        (user(9), None),
        (user(1), Some(account(2))),
    ] {
        let here = batch(&by, bound, account(1)).await.unwrap_err();
        let nowhere = batch(&by, bound, account(77)).await.unwrap_err();
        assert_eq!(here.code(), Code::PermissionDenied, "{by}");
        assert_eq!(here.message(), nowhere.message(), "{by}");
        assert_eq!(desk.replica.accounts(), known, "{by}: an account was read");
    }
    batch(&asker(), None, account(1)).await.unwrap();
    assert_eq!(desk.replica.accounts(), known + 1);
}

async fn a_stranger_becomes_known_with_its_first_role(world: World) {
    let desk = desk(world).await;
    let scope = Scope::Account(account(1)).to_string();
    let question = check(account(1), &user(1), "note.view", &scope);
    let refused = desk.check(&stranger(), question.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let mut write = desk.world.write(account(1)).await;
    write
        .bind(&stranger(), "owner", &Scope::Account(account(1)))
        .await;
    let token = write.commit().await.token();
    let mut request = of(&stranger(), None, "DecisionService/Check", question);
    request.extensions_mut().get_mut::<Context>().unwrap().token = token;
    desk.decisions.check(request).await.unwrap();
}
