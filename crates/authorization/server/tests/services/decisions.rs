//! Check, `BatchCheck` and Explain.

use bailiwick_proto::{
    authorization::v1::{self as pb, decision_service_server::DecisionService},
    common::v1::{Consistency, consistency::Requirement},
    events::v1::PlaceState,
};
use bailiwick_types::Subject;
use tonic::Code;

use crate::{
    desk::*,
    support::{World, account, user, workspace},
};

bailiwick_testkit::on_both_engines! {
    a_check_answers_whoever_may_ask
    a_question_that_does_not_fit_is_told_apart_from_a_denial
    a_suspended_account_is_a_decision_and_no_error
    an_attribute_that_nothing_declares_is_refused_with_a_suggestion
    a_batch_keeps_the_order_of_its_questions
    an_explanation_names_what_was_looked_at
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

async fn an_attribute_that_nothing_declares_is_refused_with_a_suggestion(world: World) {
    let desk = desk(world).await;
    let a = account(1);
    let mut write = desk.world.write(a).await;
    let whole = bailiwick_types::Scope::Account(a);
    write.resource("note", "n", &whole, None, "{}").await;
    write.commit().await;
    desk.replica.poll().await.unwrap();
    let with = |names: &[&str], permission: &str, target: &str| {
        let one = |name: &&str| {
            let kind = Some(prost_types::value::Kind::BoolValue(true));
            ((*name).to_owned(), prost_types::Value { kind })
        };
        pb::CheckRequest {
            attributes: Some(prost_types::Struct {
                fields: names.iter().map(one).collect(),
            }),
            ..check(a, &user(1), permission, target)
        }
    };
    desk.check(&asker(), with(&["spam"], "note.edit", "note:n"))
        .await
        .unwrap();
    // A stored attribute counts as it is stored, whatever the caller says.
    let stored = with(&["assignee", "spam"], "note.edit", "note:n");
    desk.check(&asker(), stored).await.unwrap();
    for target in ["note:n".to_owned(), whole.to_string()] {
        let refused = desk.check(&asker(), with(&["sapm"], "note.edit", &target)).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        let details = String::from_utf8_lossy(refused.details()).into_owned();
        assert!(details.contains("did you mean `spam`?"), "{details}");
    }
    let foreign = with(&["spam"], "folder.view", &whole.to_string());
    assert_eq!(
        desk.check(&asker(), foreign).await.unwrap_err().code(),
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
