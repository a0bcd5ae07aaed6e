//! The services that answer questions, as their callers see them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use bailiwick_authorization_server::{
    Decisions, Queries,
    replica::{ConsistentRights, NearRights, Replica},
};
use bailiwick_proto::{
    authorization::v1::{
        self as pb, decision_service_server::DecisionService, query_service_server::QueryService,
    },
    common::v1::{Consistency, consistency::Requirement},
    events::v1::PlaceState,
    method,
};
use bailiwick_rpc::{Context, Guard, StepUp, StepUpError};
use bailiwick_sql::statement;
use bailiwick_types::{AccountId, Caller, CallerKind, Scope, ScopeRoot, SessionId, Subject};
use sea_orm::ConnectionTrait;
use support::{World, account, group, on_both_engines, user, user_id, workspace};
use tonic::{Code, Request, Status};

on_both_engines! {
    a_check_answers_whoever_may_ask
    a_question_that_does_not_fit_is_told_apart_from_a_denial
    a_suspended_account_is_a_decision_and_no_error
    a_batch_keeps_the_order_of_its_questions
    a_list_of_permissions_is_what_checks_allow
    a_list_of_scopes_goes_over_all_accounts_page_by_page
    a_list_of_subjects_holds_who_reaches_a_scope
    an_explanation_names_what_was_looked_at
    a_list_of_resources_is_what_checks_allow_page_by_page
    a_list_of_resources_is_for_those_who_may_ask_and_fits_the_manifest
    a_page_of_resources_ends_where_the_deadline_comes
    the_sql_of_a_plan_finds_what_the_list_does
    a_matrix_is_what_lists_of_permissions_say_for_everybody
    a_plan_is_for_those_who_may_ask_and_never_wider_than_it_can_say
}

struct NoStepUp;

#[async_trait]
impl StepUp for NoStepUp {
    async fn consume(&self, _: SessionId) -> Result<(), StepUpError> {
        Err(StepUpError::Required)
    }
}

struct Desk {
    world: World,
    replica: Arc<Replica>,
    decisions: Decisions,
    queries: Queries,
}

fn asker() -> Subject {
    "service:asker".parse().unwrap()
}

fn boss() -> Subject {
    Subject::user(user_id(0xb055))
}

/// A request of a service account, or of a user with or without a token for an account.
fn of<T>(subject: &Subject, account: Option<AccountId>, path: &str, message: T) -> Request<T> {
    let kind = if subject.kind() == "user" {
        CallerKind::User
    } else {
        CallerKind::Service
    };
    let caller = Caller {
        kind,
        subject: Some(subject.clone()),
        account,
        ..Caller::anonymous()
    };
    let path = format!("/bailiwick.authorization.v1.{path}");
    let mut request = Request::new(message);
    request
        .extensions_mut()
        .insert(Context::new(method(&path).unwrap(), caller));
    request
}

fn fully() -> Option<Consistency> {
    Some(Consistency {
        requirement: Some(Requirement::FullyConsistent(true)),
    })
}

async fn desk(world: World) -> Desk {
    let replica = world.replica();
    replica.poll().await.unwrap();
    let guard = Guard::new(Arc::new(ConsistentRights(replica.clone())), Arc::new(NoStepUp));
    let near = Guard::new(Arc::new(NearRights(replica.clone())), Arc::new(NoStepUp));
    let decisions = Decisions::new(replica.clone(), near.clone());
    let queries = Queries::new(
        replica.clone(),
        world.db.clone(),
        guard,
        near,
        world.bed.clock.clone(),
    );
    world
        .bind_root(
            ScopeRoot::Product("notes".parse::<Name>().unwrap().0),
            &asker(),
            "service",
        )
        .await;
    world.bind_root(ScopeRoot::Deployment, &boss(), "operator").await;
    for n in 1..=2 {
        world.account(account(n)).await;
        let mut write = world.write(account(n)).await;
        write.workspace(workspace(n), PlaceState::Active).await;
        write.member(user_id(1)).await;
        write.bind(&user(1), "editor", &Scope::Account(account(n))).await;
        write.commit().await;
    }
    replica.poll().await.unwrap();
    Desk {
        world,
        replica,
        decisions,
        queries,
    }
}

struct Name(bailiwick_types::ProductName);
impl std::str::FromStr for Name {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        text.to_owned().try_into().map(Name).map_err(|_| ())
    }
}

fn check(account: AccountId, subject: &Subject, permission: &str, target: &str) -> pb::CheckRequest {
    pb::CheckRequest {
        account: account.to_string(),
        subject: subject.to_string(),
        permission: permission.into(),
        target: target.into(),
        ..Default::default()
    }
}

impl Desk {
    async fn check(&self, by: &Subject, message: pb::CheckRequest) -> Result<pb::CheckResponse, Status> {
        let request = of(by, None, "DecisionService/Check", message);
        Ok(self.decisions.check(request).await?.into_inner())
    }
    async fn scopes(&self, by: &Subject, size: i32, permission: &str) -> Result<Vec<String>, Status> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let message = pb::ListScopesRequest {
                subject: user(1).to_string(),
                permission: permission.into(),
                page_size: size,
                page_token,
                ..Default::default()
            };
            let request = of(by, None, "QueryService/ListScopes", message);
            let page = self.queries.list_scopes(request).await?.into_inner();
            assert!(page.scopes.len() <= usize::try_from(size).unwrap());
            assert!(page.scopes.iter().all(|scope| !scope.title.is_empty()));
            all.extend(page.scopes.into_iter().map(|scope| scope.scope));
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
    async fn subjects(&self, scope: &str, size: i32) -> Vec<(String, Vec<String>)> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let message = pb::ListSubjectsRequest {
                account: account(1).to_string(),
                scope: scope.into(),
                page_size: size,
                page_token,
                ..Default::default()
            };
            let request = of(&boss(), None, "QueryService/ListSubjects", message);
            let page = self.queries.list_subjects(request).await.unwrap().into_inner();
            all.extend(
                page.subjects
                    .into_iter()
                    .map(|access| (access.subject, access.roles)),
            );
            if page.next_page_token.is_empty() {
                return all;
            }
            page_token = page.next_page_token;
        }
    }
}

/// A page of `note.view` in the first account, for the first user.
fn notes(size: i32, page_token: &str) -> pb::ListResourcesRequest {
    pb::ListResourcesRequest {
        account: account(1).to_string(),
        subject: user(1).to_string(),
        permission: "note.view".into(),
        r#type: "note".into(),
        page_size: size,
        page_token: page_token.into(),
        ..Default::default()
    }
}

impl Desk {
    async fn resources(
        &self,
        by: &Subject,
        message: pb::ListResourcesRequest,
    ) -> Result<pb::ListResourcesResponse, Status> {
        let request = of(by, None, "QueryService/ListResources", message);
        Ok(self.queries.list_resources(request).await?.into_inner())
    }
    async fn all_resources(&self, size: i32, mut message: pb::ListResourcesRequest) -> Vec<String> {
        message.page_size = size;
        let mut all = Vec::new();
        loop {
            let page = self.resources(&asker(), message.clone()).await.unwrap();
            assert!(page.resources.len() <= usize::try_from(size).unwrap());
            assert!(page.revision > 0);
            all.extend(page.resources);
            if page.next_page_token.is_empty() {
                return all;
            }
            message.page_token = page.next_page_token;
        }
    }
}

async fn a_list_of_resources_is_what_checks_allow_page_by_page(world: World) {
    let desk = desk(world).await;
    let (a, whole, part) = (
        account(1),
        Scope::Account(account(1)),
        Scope::Workspace(workspace(1)),
    );
    let mut write = desk.world.write(a).await;
    write.member(user_id(2)).await;
    write.bind(&user(2), "editor", &part).await;
    write.bind(&user(2), "handler", &whole).await;
    // More than are read at a time, of which few are the second user's: those of the workspace, and one in 50 by the
    // condition on what is stored.
    for n in 0..1_203 {
        let scope = if n % 100 == 7 { &part } else { &whole };
        let assignee = if n % 50 == 0 { user(2) } else { user(3) };
        let attributes = format!("{{\"assignee\": \"{assignee}\"}}");
        write
            .resource("note", &format!("n{n}"), scope, None, &attributes)
            .await;
    }
    write.resource("folder", "n1", &part, None, "{}").await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    for (subject, expected) in [(user(1), 1_203), (user(2), 12 + 25), (user(3), 0)] {
        let message = pb::ListResourcesRequest {
            subject: subject.to_string(),
            ..notes(0, "")
        };
        let found = desk.all_resources(1_000, message.clone()).await;
        assert_eq!(found.len(), expected, "{subject}");
        assert_eq!(
            found.iter().collect::<BTreeSet<_>>().len(),
            expected,
            "twice: {found:?}"
        );
        if expected > 0 && expected < 100 {
            assert_eq!(desk.all_resources(1, message.clone()).await, found);
            assert_eq!(desk.all_resources(5, message).await, found);
        }
        for n in [0, 7, 50, 99, 107, 600, 1_202] {
            let target = format!("note:n{n}");
            let asked = desk
                .check(&asker(), check(a, &subject, "note.view", &target))
                .await
                .unwrap();
            assert_eq!(
                found.contains(&target),
                asked.decision() == pb::Decision::Allow,
                "{subject} {target}"
            );
        }
    }
    // What the caller says of the notes counts where the manifest lets it.
    let spam = prost_types::Value {
        kind: Some(prost_types::value::Kind::BoolValue(true)),
    };
    let message = pb::ListResourcesRequest {
        subject: user(2).to_string(),
        permission: "note.delete".into(),
        attributes: Some(prost_types::Struct {
            fields: [("spam".to_owned(), spam)].into(),
        }),
        ..notes(0, "")
    };
    assert_eq!(desk.all_resources(400, message).await.len(), 1_203);
    // A change between two pages is seen by the second.
    let first = desk.resources(&asker(), notes(600, "")).await.unwrap();
    let mut write = desk.world.write(a).await;
    write.unbind(&user(1)).await;
    write.commit().await;
    let next = pb::ListResourcesRequest {
        consistency: fully(),
        ..notes(600, &first.next_page_token)
    };
    let next = desk.resources(&asker(), next).await.unwrap();
    assert!(next.resources.is_empty() && next.revision > first.revision);
}

async fn a_list_of_resources_is_for_those_who_may_ask_and_fits_the_manifest(world: World) {
    let desk = desk(world).await;
    let mut write = desk.world.write(account(1)).await;
    for n in 0..3 {
        write
            .resource("note", &format!("n{n}"), &Scope::Account(account(1)), None, "{}")
            .await;
    }
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let stranger: Subject = "service:other".parse().unwrap();
    for message in [
        notes(0, ""),
        pb::ListResourcesRequest {
            account: account(77).to_string(),
            ..notes(0, "")
        },
    ] {
        let denied = desk.resources(&stranger, message).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
    }
    for message in [
        pb::ListResourcesRequest {
            permission: "note.fly".into(),
            ..notes(0, "")
        },
        pb::ListResourcesRequest {
            r#type: "cloud".into(),
            ..notes(0, "")
        },
        pb::ListResourcesRequest {
            r#type: "folder".into(),
            ..notes(0, "")
        },
        notes(-1, ""),
        notes(0, "nonsense"),
    ] {
        let refused = desk.resources(&asker(), message.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{message:?}");
    }
    // A page token goes on with the list that it is of, and no other.
    let first = desk.resources(&asker(), notes(2, "")).await.unwrap();
    assert_eq!(first.resources, ["note:n0", "note:n1"]);
    let other = pb::ListResourcesRequest {
        subject: user(2).to_string(),
        ..notes(2, &first.next_page_token)
    };
    let refused = desk.resources(&asker(), other).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let last = desk
        .resources(&asker(), notes(2, &first.next_page_token))
        .await
        .unwrap();
    assert_eq!(
        (last.resources, last.next_page_token),
        (vec!["note:n2".to_owned()], String::new())
    );
}

async fn a_page_of_resources_ends_where_the_deadline_comes(world: World) {
    let desk = desk(world).await;
    let mut write = desk.world.write(account(1)).await;
    for n in 0..1_100 {
        write
            .resource("note", &format!("n{n}"), &Scope::Account(account(1)), None, "{}")
            .await;
    }
    write.member(user_id(2)).await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    // Nobody's list: every candidate has to be looked at. However short the deadline, the list gets to its end.
    let message = pb::ListResourcesRequest {
        subject: user(2).to_string(),
        ..notes(0, "")
    };
    let (mut token, mut pages, mut patience) = (String::new(), 0, std::time::Duration::from_millis(4));
    loop {
        let mut request = of(
            &asker(),
            None,
            "QueryService/ListResources",
            pb::ListResourcesRequest {
                page_token: token.clone(),
                ..message.clone()
            },
        );
        let context = request.extensions_mut().get_mut::<Context>().unwrap();
        context.deadline = Some(tokio::time::Instant::now() + patience);
        match desk.queries.list_resources(request).await {
            Ok(page) => {
                let page = page.into_inner();
                assert!(page.resources.is_empty());
                pages += 1;
                if page.next_page_token.is_empty() {
                    break;
                }
                assert_ne!(page.next_page_token, token, "no progress");
                token = page.next_page_token;
            }
            Err(error) => {
                assert!(
                    matches!(error.code(), Code::DeadlineExceeded | Code::ResourceExhausted),
                    "{error:?}"
                );
                patience *= 2;
            }
        }
    }
    assert!(pages >= 1);
}

async fn a_check_answers_whoever_may_ask(world: World) {
    let desk = desk(world).await;
    let (a, on) = (account(1), format!("account:{}", account(1)));
    let yes = desk
        .check(&asker(), check(a, &user(1), "note.edit", &on))
        .await
        .unwrap();
    assert_eq!(
        (yes.decision(), yes.reason()),
        (pb::Decision::Allow, pb::DecisionReason::Role)
    );
    assert!(yes.revision > 0);
    let no = desk
        .check(&asker(), check(a, &user(2), "note.edit", &on))
        .await
        .unwrap();
    assert_eq!(
        (no.decision(), no.reason()),
        (pb::Decision::Deny, pb::DecisionReason::NotAMember)
    );
    let unknown = desk
        .check(&asker(), check(a, &user(1), "note.edit", "note:9"))
        .await
        .unwrap();
    assert_eq!(unknown.reason(), pb::DecisionReason::ResourceUnknown);
    let elsewhere = format!("workspace:{}", workspace(2));
    let unknown = desk
        .check(&asker(), check(a, &user(1), "note.edit", &elsewhere))
        .await
        .unwrap();
    assert_eq!(unknown.reason(), pb::DecisionReason::ScopeUnknown);
    let actor = pb::CheckRequest {
        actor: user(2).to_string(),
        ..check(a, &user(1), "note.edit", &on)
    };
    let actor = desk.check(&asker(), actor).await.unwrap();
    assert_eq!(actor.reason(), pb::DecisionReason::ActorNotAllowed);
    let explain = pb::ExplainRequest {
        check: Some(pb::CheckRequest {
            actor: user(2).to_string(),
            ..check(a, &user(1), "note.edit", &on)
        }),
    };
    let explained = of(&asker(), None, "DecisionService/Explain", explain);
    let explained = desk.decisions.explain(explained).await.unwrap().into_inner();
    assert_eq!(explained.decision(), pb::Decision::Deny);
    assert_eq!(explained.reason(), pb::DecisionReason::ActorNotAllowed);
    let own = explained.subject.unwrap();
    assert_eq!(own.steps[0].effect(), pb::ExplanationEffect::Allows);
    let actor = explained.actor.unwrap();
    assert_eq!((actor.subject, actor.steps), (user(2).to_string(), vec![]));
    // Nobody else may ask, and who may not ask does not learn what exists.
    let stranger: Subject = "service:other".parse().unwrap();
    for account in [account(1), account(77)] {
        let denied = desk
            .check(&stranger, check(account, &user(1), "note.edit", &on))
            .await
            .unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
        let denied = desk
            .check(&stranger, check(account, &user(1), "note.fly", &on))
            .await
            .unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
    }
    // A member asks with a token for the account, and has no right to.
    let request = of(
        &user(1),
        Some(a),
        "DecisionService/Check",
        check(a, &user(1), "note.edit", &on),
    );
    assert_eq!(
        desk.decisions.check(request).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

async fn a_question_that_does_not_fit_is_told_apart_from_a_denial(world: World) {
    let desk = desk(world).await;
    let (a, on) = (account(1), format!("account:{}", account(1)));
    let unknown = desk
        .check(&asker(), check(a, &user(1), "note.fly", &on))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    let mut bad = check(a, &user(1), "note.edit", &on);
    bad.consistency = Some(Consistency {
        requirement: Some(Requirement::AtLeastAsFresh("nonsense".into())),
    });
    assert_eq!(
        desk.check(&asker(), bad).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let bad = pb::CheckRequest::default();
    assert_eq!(
        desk.check(&asker(), bad).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

async fn a_suspended_account_is_a_decision_and_no_error(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let mut write = desk.world.write(a).await;
    write
        .run(
            "UPDATE account SET state = 2 WHERE id = $1",
            vec![a.uuid().into()],
        )
        .await;
    let change = bailiwick_proto::events::v1::change::Change::PlaceApplied(
        bailiwick_proto::events::v1::PlaceApplied {
            scope: format!("account:{a}"),
            state: PlaceState::Suspended.into(),
            ..Default::default()
        },
    );
    let root = write.root.clone();
    write.tx.emit(&root, bailiwick_feed::encode(change)).unwrap();
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let on = format!("account:{a}");
    let denied = desk
        .check(&asker(), check(a, &user(1), "note.edit", &on))
        .await
        .unwrap();
    assert_eq!(
        (denied.decision(), denied.reason()),
        (pb::Decision::Deny, pb::DecisionReason::ScopeNotActive)
    );
}

async fn a_batch_keeps_the_order_of_its_questions(world: World) {
    let desk = desk(world).await;
    let on = format!("account:{}", account(1));
    let item = |subject: &Subject, permission: &str| pb::BatchCheckItem {
        subject: subject.to_string(),
        permission: permission.into(),
        target: on.clone(),
        ..Default::default()
    };
    let mut items = vec![
        item(&user(1), "note.edit"),
        item(&user(2), "note.edit"),
        item(&user(1), "note.delete"),
    ];
    items.extend((0..900).map(|_| item(&user(1), "note.view")));
    let batch = pb::BatchCheckRequest {
        account: account(1).to_string(),
        items,
        ..Default::default()
    };
    let request = of(&asker(), None, "DecisionService/BatchCheck", batch.clone());
    let answers = desk.decisions.batch_check(request).await.unwrap().into_inner();
    let decisions: Vec<pb::Decision> = answers
        .results
        .iter()
        .map(pb::BatchCheckResult::decision)
        .collect();
    assert_eq!(
        decisions[..3],
        [pb::Decision::Allow, pb::Decision::Deny, pb::Decision::Deny]
    );
    assert!(
        decisions[3..]
            .iter()
            .all(|decision| *decision == pb::Decision::Allow)
            && decisions.len() == 903
    );
    let mut long = batch;
    long.items.resize(1_001, item(&user(1), "note.view"));
    let request = of(&asker(), None, "DecisionService/BatchCheck", long);
    assert_eq!(
        desk.decisions.batch_check(request).await.unwrap_err().code(),
        Code::InvalidArgument
    );
}

async fn a_list_of_permissions_is_what_checks_allow(world: World) {
    let desk = desk(world).await;
    let message = pb::ListPermissionsRequest {
        account: account(1).to_string(),
        subject: user(1).to_string(),
        target: format!("workspace:{}", workspace(1)),
        consistency: fully(),
    };
    let request = of(&asker(), None, "QueryService/ListPermissions", message);
    let held = desk.queries.list_permissions(request).await.unwrap().into_inner();
    assert_eq!(held.permissions, ["note.edit", "note.view"]);
    assert!(held.needing_approval.is_empty());
}

async fn a_list_of_scopes_goes_over_all_accounts_page_by_page(world: World) {
    let desk = desk(world).await;
    let expected: BTreeSet<String> = (1..=2)
        .flat_map(|n| {
            [
                format!("account:{}", account(n)),
                format!("workspace:{}", workspace(n)),
            ]
        })
        .collect();
    for size in [1, 2, 3, 50] {
        for permission in ["", "note.edit"] {
            let found = desk.scopes(&user(1), size, permission).await.unwrap();
            assert_eq!(found.len(), expected.len(), "{size} {permission} {found:?}");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
    assert!(desk.scopes(&user(1), 50, "note.delete").await.unwrap().is_empty());
    assert_eq!(desk.scopes(&boss(), 2, "").await.unwrap().len(), expected.len());
    assert_eq!(
        desk.scopes(&user(2), 2, "").await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

async fn a_list_of_subjects_holds_who_reaches_a_scope(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let inner = Scope::Workspace(workspace(1));
    let mut write = desk.world.write(a).await;
    for n in 2..=4 {
        write.member(user_id(n)).await;
    }
    write.bind(&user(2), "editor", &inner).await;
    // No member: left out.
    write.bind(&user(5), "editor", &inner).await;
    write.group(group(1)).await;
    write.join(group(1), &user(3)).await;
    write.bind(&Subject::group(group(1)), "editor", &inner).await;
    write.bind(&user(1), "handler", &Scope::Account(a)).await;
    write.commit().await;
    let named = |subject: Subject, roles: &[&str]| {
        (
            subject.to_string(),
            roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>(),
        )
    };
    let mut below = vec![
        named(Subject::group(group(1)), &["editor"]),
        named(user(1), &["editor", "handler"]),
        named(user(2), &["editor"]),
        named(user(3), &["editor"]),
    ];
    below.sort();
    for size in [1, 2, 50] {
        assert_eq!(desk.subjects(&inner.to_string(), size).await, below, "{size}");
        let above = desk.subjects(&Scope::Account(a).to_string(), size).await;
        assert_eq!(above, [named(user(1), &["editor", "handler"])]);
    }
    let message = pb::ListSubjectsRequest {
        account: a.to_string(),
        ..Default::default()
    };
    let request = of(&user(2), Some(a), "QueryService/ListSubjects", message);
    assert_eq!(
        desk.queries.list_subjects(request).await.unwrap_err().code(),
        Code::PermissionDenied
    );
}

async fn an_explanation_names_what_was_looked_at(world: World) {
    let desk = desk(world).await;
    let on = format!("workspace:{}", workspace(1));
    let message = pb::ExplainRequest {
        check: Some(check(account(1), &user(1), "note.view", &on)),
    };
    let request = of(&asker(), None, "DecisionService/Explain", message);
    let explained = desk.decisions.explain(request).await.unwrap().into_inner();
    assert_eq!(explained.decision(), pb::Decision::Allow);
    let scopes: Vec<_> = explained
        .scopes
        .iter()
        .map(|of| (&*of.scope, of.state()))
        .collect();
    let up = format!("account:{}", account(1));
    assert_eq!(
        (scopes[0], scopes[scopes.len() - 1]),
        ((&*on, pb::ScopeState::Active), (&*up, pb::ScopeState::Active))
    );
    let own = explained.subject.unwrap();
    assert_eq!(own.subject, user(1).to_string());
    let role = &own.steps[0];
    assert_eq!(
        (role.source(), &*role.role, &*role.entry, role.effect()),
        (
            pb::ExplanationSource::Role,
            "editor",
            "note.edit",
            pb::ExplanationEffect::Allows
        )
    );
    assert_eq!(role.on, up);
    let member = own.member.unwrap();
    assert_eq!(
        (member.kind(), member.state()),
        (pb::MemberKind::Agent, pb::MemberState::Active)
    );
    let message = pb::ExplainRequest {
        check: Some(check(account(1), &user(2), "note.view", &on)),
    };
    let request = of(&asker(), None, "DecisionService/Explain", message);
    let explained = desk.decisions.explain(request).await.unwrap().into_inner();
    assert_eq!(explained.reason(), pb::DecisionReason::NotAMember);
}

impl Desk {
    async fn plan(
        &self,
        by: &Subject,
        message: pb::PlanResourcesRequest,
    ) -> Result<pb::PlanResourcesResponse, Status> {
        let request = of(by, None, "QueryService/PlanResources", message);
        Ok(self.queries.plan_resources(request).await?.into_inner())
    }

    /// What the SQL of a plan finds in a table of the caller's own.
    async fn found_by(&self, of: &str, planned: &pb::PlanResourcesResponse) -> Vec<String> {
        let conn = self.world.db.load();
        let sql = format!(
            "SELECT id FROM own_rows WHERE type = '{of}' AND ({}) ORDER BY id",
            planned.sql
        );
        let values = planned
            .sql_parameters
            .iter()
            .map(|text| text.clone().into())
            .collect();
        let rows = conn.query_all_raw(statement(conn, sql, values)).await.unwrap();
        rows.iter()
            .map(|row| format!("{of}:{}", row.try_get::<String>("", "id").unwrap()))
            .collect()
    }
}

/// Type and id, where it lies, its parent, its attributes.
type Own<'a> = (&'a str, &'a str, &'a Scope, Option<(&'a str, &'a str)>, &'a str);

/// Everything that is registered, as a service would have it in a table of its own.
async fn own_rows(desk: &Desk, rows: &[Own<'_>]) {
    let mut write = desk.world.write(account(1)).await;
    let json = if desk.world.bed.postgres.is_some() {
        "jsonb"
    } else {
        "text"
    };
    write
        .run(
            &format!(
                "CREATE TABLE own_rows (type text, scope text, id text, parent text, owner text, attributes {json})"
            ),
            vec![],
        )
        .await;
    for (of, id, scope, parent, attributes) in rows {
        write.resource(of, id, scope, *parent, attributes).await;
        let parent = parent.map(|(of, id)| format!("{of}:{id}"));
        write
            .run(
                &format!("INSERT INTO own_rows VALUES ($1, $2, $3, $4, NULL, CAST($5 AS {json}))"),
                vec![
                    (*of).into(),
                    scope.to_string().into(),
                    (*id).into(),
                    parent.into(),
                    (*attributes).into(),
                ],
            )
            .await;
    }
    write.commit().await;
}

async fn the_sql_of_a_plan_finds_what_the_list_does(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let (whole, open, shut) = (
        Scope::Account(a),
        Scope::Workspace(workspace(1)),
        Scope::Workspace(workspace(7)),
    );
    let mut write = desk.world.write(a).await;
    write.workspace(workspace(7), PlaceState::Suspended).await;
    for n in 2..=9 {
        write.member(user_id(n)).await;
    }
    // By a condition; in a workspace; on a folder; through a group; on what is there and what comes; nothing.
    write.bind(&user(2), "handler", &whole).await;
    write.bind(&user(3), "editor", &open).await;
    write.bind(&user(3), "editor", &shut).await;
    write
        .grant_on(&user(4), r#"["note.view"]"#, "folder", "top")
        .await;
    write.group(group(1)).await;
    write.join(group(1), &user(5)).await;
    write
        .grant_on(&Subject::group(group(1)), r#"["note.edit"]"#, "note", "n3")
        .await;
    write
        .grant_type(&user(6), r#"["note.view"]"#, "note", &whole, 1)
        .await;
    write
        .grant_type(&user(7), r#"["note.view"]"#, "note", &open, 2)
        .await;
    write
        .grant_type(&user(8), r#"["note.view"]"#, "note", &open, 3)
        .await;
    write.commit().await;
    let (mine, bare) = (
        format!(r#"{{"assignee": "{}"}}"#, user(2)),
        format!(r#"{{"assignee": "{}", "spam": false}}"#, user_id(2)),
    );
    let spam = r#"{"spam": true, "assignee": null}"#;
    let rows: Vec<Own<'_>> = vec![
        ("folder", "top", &whole, None, "{}"),
        ("folder", "inner", &whole, Some(("folder", "top")), "{}"),
        ("folder", "other", &whole, None, "{}"),
        ("note", "n1", &whole, Some(("folder", "inner")), &mine),
        ("note", "n2", &open, Some(("folder", "top")), &bare),
        ("note", "n3", &open, Some(("note", "n1")), spam),
        ("note", "n4", &shut, Some(("folder", "top")), &mine),
        ("note", "n5", &shut, None, spam),
        ("note", "n6", &whole, Some(("folder", "other")), "{}"),
        ("note", "it's", &whole, Some(("note", "n3")), "{}"),
    ];
    own_rows(&desk, &rows).await;
    desk.replica.poll().await.unwrap();
    let truth = |value: bool| prost_types::Struct {
        fields: [(
            "spam".to_owned(),
            prost_types::Value {
                kind: Some(prost_types::value::Kind::BoolValue(value)),
            },
        )]
        .into(),
    };
    let mut found = std::collections::BTreeMap::new();
    for n in 1..=10 {
        for (permission, of, attributes) in [
            ("note.view", "note", None),
            ("note.edit", "note", None),
            ("note.delete", "note", None),
            ("note.delete", "note", Some(truth(true))),
            ("note.delete", "note", Some(truth(false))),
            ("folder.view", "folder", None),
        ] {
            let said = attributes.clone();
            let planned = pb::PlanResourcesRequest {
                account: a.to_string(),
                subject: user(n).to_string(),
                permission: permission.into(),
                r#type: of.into(),
                attributes,
                consistency: None,
            };
            let planned = desk.plan(&asker(), planned).await.unwrap();
            let mut listed = desk
                .all_resources(
                    3,
                    pb::ListResourcesRequest {
                        subject: user(n).to_string(),
                        permission: permission.into(),
                        r#type: of.into(),
                        attributes: said.clone(),
                        ..notes(0, "")
                    },
                )
                .await;
            listed.sort();
            let by_sql = desk.found_by(of, &planned).await;
            assert_eq!(by_sql, listed, "{n} {permission} {said:?}\n{planned:#?}");
            *found.entry(permission).or_insert(0) += listed.len();
        }
    }
    // The question would be no question if nothing were found.
    assert!(found["note.view"] > 15 && found["note.delete"] > 3, "{found:?}");
}

async fn a_plan_is_for_those_who_may_ask_and_never_wider_than_it_can_say(world: World) {
    let desk = desk(world).await;
    let asked = |subject: &Subject, permission: &str| pb::PlanResourcesRequest {
        account: account(1).to_string(),
        subject: subject.to_string(),
        permission: permission.into(),
        r#type: "note".into(),
        ..Default::default()
    };
    let stranger: Subject = "service:other".parse().unwrap();
    let denied = desk
        .plan(&stranger, asked(&user(1), "note.view"))
        .await
        .unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let unknown = desk
        .plan(&asker(), asked(&user(1), "note.fly"))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    let all = desk.plan(&asker(), asked(&user(1), "note.view")).await.unwrap();
    assert!(all.all && all.alternatives.is_empty() && all.sql == "TRUE" && all.revision > 0);
    let nothing = desk.plan(&asker(), asked(&user(2), "note.view")).await.unwrap();
    assert!(!nothing.all && nothing.alternatives.is_empty() && nothing.sql == "FALSE");
    // A condition is put in the words of the manifest.
    let mut write = desk.world.write(account(1)).await;
    write.member(user_id(2)).await;
    write.bind(&user(2), "handler", &Scope::Account(account(1))).await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let planned = desk.plan(&asker(), asked(&user(2), "note.view")).await.unwrap();
    let [one] = &*planned.alternatives else {
        panic!("{planned:?}")
    };
    assert_eq!(
        one.condition,
        format!("resource.attr.assignee == \"{}\"", user(2))
    );
    assert_eq!(planned.sql, "(attributes ->> 'assignee') IN ($1, $2)");
    assert_eq!(
        planned.sql_parameters,
        [user(2).to_string(), user_id(2).to_string()]
    );
    // What lies below thousands of resources is not left out: the plan is refused.
    let mut write = desk.world.write(account(1)).await;
    write.member(user_id(3)).await;
    write
        .grant_type(
            &user(3),
            r#"["note.view"]"#,
            "note",
            &Scope::Account(account(1)),
            1,
        )
        .await;
    let numbers = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10001)";
    write
        .run(
            &format!(
                "INSERT INTO resource (account_id, type, id, scope_level, scope_id, title, attributes, revision, created_at, \
                 updated_at) {numbers} SELECT $1, 'note', 'x' || CAST(n AS text), 2, $1, '', '{{}}', 1, 0, 0 FROM n"
            ),
            vec![account(1).uuid().into()],
        )
        .await;
    write.touch_resource("note", "x1").await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let refused = desk
        .plan(&asker(), asked(&user(3), "note.view"))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

impl Desk {
    async fn matrix(
        &self,
        by: &Subject,
        target: &str,
        size: i32,
    ) -> Result<Vec<pb::SubjectPermissions>, Status> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let message = pb::ListSubjectPermissionsRequest {
                account: account(1).to_string(),
                target: target.into(),
                page_size: size,
                page_token,
                consistency: fully(),
            };
            let request = of(by, None, "QueryService/ListSubjectPermissions", message);
            let page = self.queries.list_subject_permissions(request).await?.into_inner();
            assert!(page.subjects.len() <= usize::try_from(size).unwrap() && page.revision > 0);
            all.extend(page.subjects);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            page_token = page.next_page_token;
        }
    }
}

async fn a_matrix_is_what_lists_of_permissions_say_for_everybody(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let (whole, inner) = (Scope::Account(a), Scope::Workspace(workspace(1)));
    let robot: Subject = "service:robot".parse().unwrap();
    let mut write = desk.world.write(a).await;
    for n in 2..=6 {
        write.member(user_id(n)).await;
    }
    write.bind(&user(2), "editor", &inner).await;
    write.bind(&robot, "editor", &whole).await;
    // No member: without membership no permission.
    write.bind(&user(9), "editor", &whole).await;
    write.group(group(1)).await;
    write.join(group(1), &user(3)).await;
    write
        .grant_on(&Subject::group(group(1)), r#"["note.view"]"#, "note", "n1")
        .await;
    write.bind(&user(4), "handler", &whole).await;
    let mine = format!(r#"{{"assignee": "{}"}}"#, user(4));
    write.resource("note", "n1", &whole, None, &mine).await;
    write.resource("note", "n2", &inner, None, "{}").await;
    write.commit().await;
    let both = ["note.edit", "note.view"].map(str::to_owned).to_vec();
    let view = vec!["note.view".to_owned()];
    for (target, expected) in [
        (
            "note:n1",
            vec![
                (user(1), &both),
                (user(3), &view),
                (user(4), &view),
                (robot.clone(), &both),
            ],
        ),
        (
            "note:n2",
            vec![(user(1), &both), (user(2), &both), (robot.clone(), &both)],
        ),
        (
            &*whole.to_string(),
            vec![(user(1), &both), (robot.clone(), &both)],
        ),
    ] {
        let expected: Vec<(String, Vec<String>)> = expected
            .into_iter()
            .map(|(who, what)| (who.to_string(), what.clone()))
            .collect();
        for size in [1, 2, 50] {
            let rows = desk.matrix(&boss(), target, size).await.unwrap();
            let rows: Vec<(String, Vec<String>)> = rows
                .into_iter()
                .map(|row| (row.subject, row.permissions))
                .collect();
            assert_eq!(rows, expected, "{target} {size}");
        }
    }
    // Whoever may not look at the users of the place learns nothing, not even whether the target is there.
    for target in ["note:n1", "note:gone"] {
        let denied = desk.matrix(&asker(), target, 50).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied, "{target}");
    }
    let gone = desk.matrix(&boss(), "note:gone", 50).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}
