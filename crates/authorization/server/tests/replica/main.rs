//! A replica on a real database: what it answers is true, and becomes true when it should.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod facts;
#[path = "../support/mod.rs"]
mod support;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bailiwick_authorization_core::{Situation, Store};
use bailiwick_authorization_engine::{
    AccountRead, Claim, Consistency, Epoch, Part, PartKey, Proposed, Question, ReplicaConfig, ReplicaError,
    SharedCache, TargetText, parts::codec,
};
use bailiwick_authorization_server::SqlStore;
use bailiwick_policy::{Audience, Outcome, Reason, StepSource, Target, decide};
use bailiwick_proto::events::v1::{PlaceState, change::Change};
use bailiwick_types::{AccountId, OperatorAllowed, Scope, ScopeRoot, Subject, Timestamp};
use support::{MANIFEST, World, account, allows, allows_at, ask, group, user, user_id, workspace};

bailiwick_testkit::on_both_engines! {
    a_binding_allows_and_its_removal_denies
    a_token_makes_a_write_visible_on_every_replica
    what_was_not_polled_is_not_seen_and_what_was_is
    groups_in_groups_give_what_they_have
    resources_are_known_unknown_and_below_others
    a_closed_workspace_denies_everything_in_it
    a_manifest_counts_for_everybody_at_once
    old_data_is_no_decision
    a_new_epoch_drops_everything
    after_a_restore_a_version_may_have_another_manifest
    an_explanation_is_read_from_the_primary
    the_operator_counts_for_the_guard_and_not_for_products
    a_batch_is_answered_at_one_revision
    creating_is_decided_on_the_resource_as_it_would_be
    an_overflow_of_changes_asks_the_primary
    a_cached_set_is_typed_by_the_policy_that_evaluates_it
}

/// A shared cache in memory, with values as they are encoded.
#[derive(Debug, Default)]
struct MemoryCache(Mutex<HashMap<String, Vec<u8>>>);

#[async_trait::async_trait]
impl SharedCache for MemoryCache {
    async fn get(&self, account: AccountId, keys: &[PartKey]) -> Vec<Option<(Epoch, Part)>> {
        let values = self.0.lock().unwrap();
        let one = |key| codec::decode(values.get(&codec::key_of(account, key))?);
        keys.iter().map(one).collect()
    }
    fn put(&self, account: AccountId, epoch: &Epoch, parts: Vec<(PartKey, Part)>) {
        let mut values = self.0.lock().unwrap();
        for (key, part) in parts {
            let key = codec::key_of(account, &key);
            values.insert(key, codec::encode(epoch, &part).0);
        }
    }
    fn remove(&self, account: AccountId, keys: Vec<PartKey>) {
        let mut values = self.0.lock().unwrap();
        for key in keys {
            values.remove(&codec::key_of(account, &key));
        }
    }
}

/// Writes a role of the account that gives `note.view` under a condition.
async fn define(world: &World, a: AccountId, when: &str) -> bailiwick_types::Token {
    let entry = serde_json::json!({"permission": "note.view", "when": when});
    let definition = serde_json::json!({"levels": {"account": {"permissions": [entry]}}});
    let mut write = world.write(a).await;
    let sql = "INSERT INTO account_role (account_id, name, number, title, definition) VALUES ($1, 'mine', 65536, '', $2) \
               ON CONFLICT (account_id, name) DO UPDATE SET definition = excluded.definition";
    write
        .run(sql, vec![a.uuid().into(), definition.to_string().into()])
        .await;
    let change = Change::PolicyChanged(bailiwick_proto::events::v1::PolicyChanged::default());
    let root = ScopeRoot::Account(a);
    write.tx.emit(&root, bailiwick_feed::encode(change)).unwrap();
    write.commit().await.token()
}

/// What administration decides, which reads the same rows in its own transaction.
async fn administration_allows(world: &World, a: AccountId, subject: &Subject, permission: &str) -> bool {
    let read = SqlStore::new(world.db.clone())
        .read(bailiwick_testkit::witness::system().account(a).read())
        .await
        .unwrap();
    let situation = Situation::load(&*read, []).await.unwrap().unwrap();
    let standing = situation.whole_standing(&*read, subject).await.unwrap();
    let permission = situation.policy.product().permission_no(permission).unwrap();
    let (target, request) = (Target::Scope(a.into()), situation.plain_request());
    situation.ask_about(subject, &standing, target, request, Timestamp(0), |input| {
        decide(input, permission).is_allow()
    })
}

async fn a_cached_set_is_typed_by_the_policy_that_evaluates_it(world: World) {
    let (a, on) = seeded(&world).await;
    let subject = user(1);
    let (by_type, by_id) = ("subject.type == grant.who", "subject.id == grant.who");
    define(&world, a, by_type).await;
    let mut write = world.write(a).await;
    write.bind(&subject, "mine", &Scope::Account(a)).await;
    let sql = "UPDATE binding SET role = 'mine', parameters = $2 WHERE account_id = $1";
    let parameters = serde_json::json!({"who": subject.id(), "more": {"not": "declared"}});
    write
        .run(
            "DELETE FROM binding WHERE account_id = $1 AND role <> 'mine'",
            vec![a.uuid().into()],
        )
        .await;
    write
        .run(sql, vec![a.uuid().into(), parameters.to_string().into()])
        .await;
    write.commit().await;
    let cache = Arc::new(MemoryCache::default());
    let near_cache = || world.replica_with(Some(cache.clone()), ReplicaConfig::default());
    let old = near_cache();
    old.poll().await.unwrap();
    for when in [by_type, by_id, by_type, by_id] {
        // Redefining the role changes no part: what was read before stays valid and is evaluated by another
        // policy.
        let token = define(&world, a, when).await;
        let (fresh, new) = (world.replica(), near_cache());
        let mut answers = Vec::new();
        for replica in [&fresh, &old, &new, &old] {
            replica.poll().await.unwrap();
            answers.push(allows_at(replica, a, &subject, "note.view", &on, token.clone()).await);
        }
        answers.push(administration_allows(&world, a, &subject, "note.view").await);
        assert_eq!(answers, [when == by_id; 5], "{when}");
    }
    assert!(!cache.0.lock().unwrap().is_empty(), "the cache was used");
}

async fn seeded(world: &World) -> (bailiwick_types::AccountId, String) {
    let a = account(1);
    world.account(a).await;
    let mut write = world.write(a).await;
    write.member(user_id(1)).await;
    write.bind(&user(1), "editor", &Scope::Account(a)).await;
    write.commit().await;
    (a, format!("account:{a}"))
}

async fn a_binding_allows_and_its_removal_denies(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.view", &on).await);
    assert!(!allows(&replica, a, &user(1), "note.delete", &on).await);
    assert!(!allows(&replica, a, &user(2), "note.view", &on).await);
    let mut write = world.write(a).await;
    write.unbind(&user(1)).await;
    let done = write.commit().await;
    let (root, revision) = done.revisions[0].clone();
    replica.applied(&root, revision).await;
    assert!(!allows(&replica, a, &user(1), "note.view", &on).await);
    let unknown = ask(
        &replica,
        account(9),
        &user(1),
        "note.view",
        &on,
        &Consistency::MinimizeLatency,
    )
    .await;
    assert!(matches!(unknown, Err(ReplicaError::UnknownAccount)));
}

async fn a_token_makes_a_write_visible_on_every_replica(world: World) {
    let (a, on) = seeded(&world).await;
    let replicas = [world.replica(), world.replica()];
    for replica in &replicas {
        replica.poll().await.unwrap();
        assert!(allows(replica, a, &user(1), "note.view", &on).await);
    }
    let mut write = world.write(a).await;
    write.unbind(&user(1)).await;
    let token = write.commit().await.token();
    for replica in &replicas {
        assert!(!allows_at(replica, a, &user(1), "note.view", &on, token.clone()).await);
        // And from then on without it.
        assert!(!allows(replica, a, &user(1), "note.view", &on).await);
    }
}

async fn what_was_not_polled_is_not_seen_and_what_was_is(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.view", &on).await);
    let mut write = world.write(a).await;
    write.unbind(&user(1)).await;
    // Without position: a sequencer that stands still delays no denial.
    write.tx.commit_without_sequencing().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.view", &on).await);
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(1), "note.view", &on).await);
    let primary = ask(&replica, a, &user(1), "note.view", &on, &Consistency::Fully)
        .await
        .unwrap();
    assert_eq!(primary.outcome, Outcome::Deny);
}

async fn groups_in_groups_give_what_they_have(world: World) {
    let (a, on) = seeded(&world).await;
    let mut write = world.write(a).await;
    write.member(user_id(2)).await;
    write.group(group(1)).await;
    write.group(group(2)).await;
    write.join(group(1), &user(2)).await;
    write.join(group(2), &Subject::group(group(1))).await;
    // A circle.
    write.join(group(1), &Subject::group(group(2))).await;
    write
        .bind(&Subject::group(group(2)), "editor", &Scope::Account(a))
        .await;
    write.commit().await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(2), "note.edit", &on).await);
    let mut write = world.write(a).await;
    write.leave(group(2), &Subject::group(group(1))).await;
    write.commit().await;
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(2), "note.edit", &on).await);
}

async fn resources_are_known_unknown_and_below_others(world: World) {
    let (a, _) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    let near = Consistency::MinimizeLatency;
    let absent = ask(&replica, a, &user(1), "note.view", "note:1", &near)
        .await
        .unwrap();
    assert_eq!(
        (absent.outcome, absent.reason),
        (Outcome::Deny, Reason::ResourceUnknown)
    );
    let mut write = world.write(a).await;
    write
        .resource("folder", "f", &Scope::Account(a), None, "{}")
        .await;
    let assignee = format!(r#"{{"assignee": "{}"}}"#, user_id(3));
    write
        .resource("note", "1", &Scope::Account(a), Some(("folder", "f")), &assignee)
        .await;
    write.member(user_id(3)).await;
    write.bind(&user(3), "handler", &Scope::Account(a)).await;
    write.commit().await;
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.view", "note:1").await);
    assert!(allows(&replica, a, &user(3), "note.view", "note:1").await);
    let mut write = world.write(a).await;
    write.resource("note", "1", &Scope::Account(a), None, "{}").await;
    write.commit().await;
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(3), "note.view", "note:1").await);
    let mut write = world.write(a).await;
    write.unregister("note", "1").await;
    write.commit().await;
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(1), "note.view", "note:1").await);
}

async fn a_closed_workspace_denies_everything_in_it(world: World) {
    let (a, _) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    let on = format!("workspace:{}", workspace(1));
    assert!(!allows(&replica, a, &user(1), "note.view", &on).await);
    for (state, allowed) in [
        (PlaceState::Active, true),
        (PlaceState::Suspended, false),
        (PlaceState::Active, true),
    ] {
        let mut write = world.write(a).await;
        write.workspace(workspace(1), state).await;
        write.commit().await;
        replica.poll().await.unwrap();
        assert_eq!(allows(&replica, a, &user(1), "note.view", &on).await, allowed);
    }
}

async fn a_manifest_counts_for_everybody_at_once(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    let changed = MANIFEST.replace(
        "{account: {permissions: [note.edit]}",
        "{account: {permissions: [note.view]}",
    );
    world.apply(&changed, 2).await;
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(1), "note.edit", &on).await);
    assert!(allows(&replica, a, &user(1), "note.view", &on).await);
}

async fn old_data_is_no_decision(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    world.bed.clock.advance(Duration::from_secs(9));
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    world.bed.clock.advance(Duration::from_secs(2));
    let near = Consistency::MinimizeLatency;
    let old = ask(&replica, a, &user(1), "note.edit", &on, &near).await;
    assert!(matches!(old, Err(ReplicaError::TooStale)), "{old:?}");
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
}

async fn a_new_epoch_drops_everything(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    let mut write = world.write(a).await;
    write.unbind(&user(1)).await;
    let old = write.commit().await.token();
    world.db.rotate_epoch().await.unwrap();
    replica.poll().await.unwrap();
    assert_eq!(replica.accounts(), 0);
    assert!(!allows(&replica, a, &user(1), "note.edit", &on).await);
    // A token of the old history is answered from the primary.
    assert!(!allows_at(&replica, a, &user(1), "note.edit", &on, old).await);
}

async fn after_a_restore_a_version_may_have_another_manifest(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    let narrower = MANIFEST.replace(
        "{account: {permissions: [note.edit]}",
        "{account: {permissions: [note.view]}",
    );
    world.apply(&narrower, 2).await;
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(1), "note.edit", &on).await);
    world.db.rotate_epoch().await.unwrap();
    world.apply(MANIFEST, 2).await;
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
}

async fn an_explanation_is_read_from_the_primary(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    let subject = user(1);
    let question = Question {
        subject: &subject,
        actor: None,
        permission: "note.edit",
        target: TargetText::parse(&on).unwrap(),
        attributes: None,
        digest: None,
        audience: Audience::Product,
    };
    let explained = replica.explain(a, &question, None).await.unwrap();
    let explained = explained.answer.unwrap();
    assert!(explained.explanation.decision.is_allow());
    assert_eq!(
        explained.explanation.steps[0].source,
        StepSource::Role("editor".into())
    );
    assert_eq!(replica.accounts(), 0);
}

async fn the_operator_counts_for_the_guard_and_not_for_products(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    let operator: Subject = "user:boss".parse().unwrap();
    let service: Subject = "service:svc".parse().unwrap();
    let fully = Consistency::Fully;
    let held = async |subject: &Subject, permission: &str, allowed: OperatorAllowed| {
        let claim = Claim {
            subject,
            permission,
            targets: std::slice::from_ref(&on),
            operator: allowed,
            proposed: None,
            within: None,
        };
        replica.held(&claim, Some(a), &fully, None).await.unwrap()
    };
    assert_eq!(
        held(&operator, "account.view", OperatorAllowed::Yes)
            .await
            .allowed,
        [false]
    );
    world
        .bind_root(ScopeRoot::Deployment, &operator, "operator")
        .await;
    let product = ScopeRoot::Product("notes".to_owned().try_into().unwrap());
    world.bind_root(product, &service, "service").await;
    let by_deployment = held(&operator, "account.view", OperatorAllowed::Yes).await;
    assert_eq!(
        (by_deployment.allowed, by_deployment.operator),
        (vec![true], true)
    );
    assert_eq!(
        held(&operator, "account.view", OperatorAllowed::No).await.allowed,
        [false]
    );
    assert_eq!(
        held(&operator, "note.create", OperatorAllowed::Only)
            .await
            .allowed,
        [true]
    );
    assert_eq!(
        held(&service, "decision.check", OperatorAllowed::Yes)
            .await
            .allowed,
        [true]
    );
    assert!(
        !held(&service, "decision.check", OperatorAllowed::Yes)
            .await
            .operator
    );
    assert_eq!(
        held(&user(1), "decision.check", OperatorAllowed::No)
            .await
            .allowed,
        [false]
    );
    for permission in ["account.view", "note.create", "note.view"] {
        assert!(
            !allows(&replica, a, &operator, permission, &on).await,
            "{permission}"
        );
    }
    let deployment = ["deployment".to_owned()];
    let claim = Claim {
        subject: &operator,
        permission: "account.view",
        targets: &deployment,
        operator: OperatorAllowed::Only,
        proposed: None,
        within: None,
    };
    let held = replica.held(&claim, None, &fully, None).await.unwrap();
    assert!(held.operator);
}

async fn creating_is_decided_on_the_resource_as_it_would_be(world: World) {
    let (a, on) = seeded(&world).await;
    let mut write = world.write(a).await;
    write.member(user_id(2)).await;
    write.bind(&user(2), "maker", &Scope::Account(a)).await;
    write.commit().await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    let may = async |assignee: Option<&Subject>| {
        let attributes = assignee.map(|subject| ("assignee".to_owned(), subject.to_string().into()));
        let proposed = Proposed {
            type_name: "note".to_owned(),
            id: "new".to_owned(),
            owner: None,
            attributes: attributes.into_iter().collect(),
        };
        let who = user(2);
        let claim = Claim {
            subject: &who,
            permission: "note.create",
            targets: std::slice::from_ref(&on),
            operator: OperatorAllowed::No,
            proposed: Some(&proposed),
            within: None,
        };
        let held = replica.held(&claim, Some(a), &Consistency::Fully, None).await;
        held.unwrap().allowed
    };
    assert_eq!(may(Some(&user(2))).await, [true]);
    assert_eq!(may(Some(&user(3))).await, [false]);
    assert_eq!(may(None).await, [false]);
}

async fn a_batch_is_answered_at_one_revision(world: World) {
    let (a, on) = seeded(&world).await;
    let mut write = world.write(a).await;
    for n in 0..50 {
        write
            .resource("note", &n.to_string(), &Scope::Account(a), None, "{}")
            .await;
    }
    write.commit().await;
    let replica = world.replica();
    replica.poll().await.unwrap();
    let (one, two) = (user(1), user(2));
    let names: Vec<String> = (0..60).map(|n| format!("note:{n}")).collect();
    let question = |subject, target| Question {
        subject,
        actor: None,
        permission: "note.view",
        target: TargetText::parse(target).unwrap(),
        attributes: None,
        digest: None,
        audience: Audience::Product,
    };
    let mut items: Vec<Question<'_>> = names.iter().map(|name| question(&one, name)).collect();
    items.push(question(&two, &on));
    items.push(question(&one, &on));
    let read = AccountRead {
        account: a,
        consistency: Consistency::MinimizeLatency,
        deadline: None,
    };
    let decided = replica.decide_all(&read, &items).await.unwrap();
    let answers = decided.answer.unwrap();
    let allowed: Vec<bool> = answers
        .iter()
        .map(|answer| answer.outcome == Outcome::Allow)
        .collect();
    let mut expected = vec![true; 50];
    expected.extend([false; 10]);
    expected.extend([false, true]);
    assert_eq!(allowed, expected);
}

async fn an_overflow_of_changes_asks_the_primary(world: World) {
    let (a, on) = seeded(&world).await;
    let replica = world.replica_with(
        None,
        ReplicaConfig {
            changes: 4,
            ..ReplicaConfig::default()
        },
    );
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    for n in 10..30 {
        let mut write = world.write(a).await;
        write.member(user_id(n)).await;
        write.commit().await;
        replica.poll().await.unwrap();
    }
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    let mut write = world.write(a).await;
    write.unbind(&user(1)).await;
    write.commit().await;
    for n in 30..50 {
        let mut write = world.write(a).await;
        write.member(user_id(n)).await;
        write.commit().await;
    }
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(1), "note.edit", &on).await);
}
