//! What identity says of users and service accounts counts in every account.

use std::sync::Arc;

use bailiwick_authorization_core::{
    Limits, Ports, Store,
    closing::service_account::{Close, close},
    follow::{PersonTold, Way, person_changed, service_account_changed},
    person::{PersonState, ServiceAccount},
};
use bailiwick_authorization_engine::{
    AccountRead, Claim, Consistency, Question, Replica, ReplicaConfig, ResourceQuestion, TargetText,
};
use bailiwick_authorization_server::SqlStore;
use bailiwick_policy::{AccountColumn, Audience, Outcome, Reason};
use bailiwick_testkit::witness;
use bailiwick_types::{
    AccountId, OperatorAllowed, Scope, ScopeRoot, ServiceAccountId, SourceVersion, Subject, SystemIds,
    Target, Timestamp, Token, method::authorization::CloseServiceAccount,
};
use uuid::Uuid;

use crate::{
    MemoryCache, administration_allows, seeded,
    support::{World, account, allows, allows_at, ask, group, user, user_id},
};

bailiwick_testkit::on_both_engines! {
    a_closed_user_is_denied_where_nothing_names_it
    a_closed_service_account_is_denied_whatever_it_was_given
    a_closed_subject_is_denied_in_every_way_of_asking
    an_old_state_in_the_shared_cache_counts_no_more
    a_service_account_is_closed_before_the_feed_tells_of_it
    more_changes_than_are_remembered_ask_the_primary
}

/// Its users are whom it says, and everybody sees what is assigned to them.
const OPEN: &str = "
product: notes
levels: {account: {title: Account}, workspace: {title: Workspace}}
subjects: {user: external, anonymous: {role: anybody}}
types:
  note:
    verbs: [create, view, edit, delete]
    implies: {edit: [view]}
    attributes: {assignee: {type: subject}}
roles:
  editor: {levels: {account: {permissions: [note.edit]}}}
  anybody:
    levels: {account: {permissions: [{permission: note.view, when: resource.attr.assignee == subject.id}]}}
";

fn version(number: u64) -> SourceVersion {
    SourceVersion::new("first", number)
}

/// What identity tells of a user, with the token of the write.
async fn tell_user(world: &World, n: u128, number: u64, state: PersonState) -> Token {
    let all = witness::system().all_accounts();
    let store = SqlStore::new(world.db.clone());
    let accounts = store
        .read_all(all)
        .await
        .unwrap()
        .accounts_of(&user(n))
        .await
        .unwrap();
    let mut roots: Vec<ScopeRoot> = accounts.iter().copied().map(ScopeRoot::Account).collect();
    roots.push(ScopeRoot::Deployment);
    let mut unit = store.write_all(all, &roots).await.unwrap();
    let told = PersonTold {
        user: user_id(n),
        version: version(number),
        way: Way::Event,
        state,
        email: String::new(),
        email_verified: false,
        operator: false,
    };
    person_changed(&mut *unit, &accounts, told).await.unwrap();
    unit.commit().await.unwrap()
}

fn service_id() -> ServiceAccountId {
    ServiceAccountId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0004_0001))
}

fn service() -> Subject {
    Subject::service(service_id())
}

/// The same of a service account, which has its own role on `root`.
async fn tell_service(world: &World, root: ScopeRoot, role: &str, number: u64, enabled: bool) -> Token {
    let system = witness::system();
    let store = SqlStore::new(world.db.clone());
    let roots = [ScopeRoot::Deployment, root.clone()];
    let mut unit = store.write_all(system.all_accounts(), &roots).await.unwrap();
    if let ScopeRoot::Account(account) = &root {
        unit.select(system.account(*account).read());
    }
    let told = ServiceAccount {
        version: version(number),
        enabled,
        root,
        role: Some(role.to_owned()),
        ..ServiceAccount::unknown(service_id())
    };
    service_account_changed(&mut *unit, &SystemIds, Timestamp(0), told, Way::Event)
        .await
        .unwrap();
    unit.commit().await.unwrap()
}

/// A note that is assigned to a user without anything in the account.
async fn assigned(world: &World) -> (AccountId, &'static str) {
    world.apply(OPEN, 2).await;
    let a = account(1);
    world.account(a).await;
    let mut write = world.write(a).await;
    let attributes = format!(r#"{{"assignee": "{}"}}"#, user_id(7));
    write
        .resource("note", "1", &Scope::Account(a), None, &attributes)
        .await;
    write.commit().await;
    (a, "note:1")
}

async fn polled(world: &World) -> Arc<Replica> {
    let replica = world.replica();
    replica.poll().await.unwrap();
    replica
}

async fn a_closed_user_is_denied_where_nothing_names_it(world: World) {
    let (a, on) = assigned(&world).await;
    let (one, two) = (polled(&world).await, polled(&world).await);
    for replica in [&one, &two] {
        assert!(
            allows(replica, a, &user(7), "note.view", on).await,
            "one that identity does not know is an id of the product"
        );
    }
    tell_user(&world, 7, 1, PersonState::Active).await;
    assert!(allows(&one, a, &user(7), "note.view", on).await);
    let token = tell_user(&world, 7, 2, PersonState::Disabled).await;
    // With the token at once, whatever was polled.
    assert!(!allows_at(&one, a, &user(7), "note.view", on, token.clone()).await);
    let fully = ask(&two, a, &user(7), "note.view", on, &Consistency::Fully).await;
    assert_eq!(fully.unwrap().reason, Reason::SubjectDisabled);
    // Without it once the feed was applied, and by a process that starts later.
    let three = polled(&world).await;
    two.poll().await.unwrap();
    for replica in [&one, &two, &three] {
        let near = Consistency::MinimizeLatency;
        let denied = ask(replica, a, &user(7), "note.view", on, &near).await.unwrap();
        assert_eq!(denied.reason, Reason::SubjectDisabled);
    }
    assert!(!administration_allows(&world, a, &user(7), "note.view").await);
    let token = tell_user(&world, 7, 3, PersonState::Active).await;
    for replica in [&one, &two, &three] {
        assert!(allows_at(replica, a, &user(7), "note.view", on, token.clone()).await);
    }
}

async fn a_closed_service_account_is_denied_whatever_it_was_given(world: World) {
    let (a, on) = seeded(&world).await;
    let root = ScopeRoot::Account(a);
    tell_service(&world, root.clone(), "handler", 1, true).await;
    let mut write = world.write(a).await;
    write.resource("note", "1", &Scope::Account(a), None, "{}").await;
    write.resource("note", "2", &Scope::Account(a), None, "{}").await;
    write
        .grant_on(&service(), r#"["note.delete"]"#, "note", "1")
        .await;
    write.group(group(1)).await;
    write.join(group(1), &service()).await;
    write
        .bind(&Subject::group(group(1)), "editor", &Scope::Account(a))
        .await;
    write.bind(&service(), "maker", &Scope::Account(a)).await;
    write.commit().await;
    let (one, two) = (polled(&world).await, polled(&world).await);
    let held = [
        ("note.edit", &*on),
        ("note.delete", "note:1"),
        ("note.edit", "note:2"),
    ];
    for replica in [&one, &two] {
        for (permission, on) in held {
            assert!(
                allows(replica, a, &service(), permission, on).await,
                "{permission}"
            );
        }
    }
    let token = tell_service(&world, root.clone(), "handler", 2, false).await;
    for (permission, on) in held {
        assert!(
            !allows_at(&one, a, &service(), permission, on, token.clone()).await,
            "{permission}"
        );
    }
    two.poll().await.unwrap();
    let three = polled(&world).await;
    for replica in [&two, &three] {
        for (permission, on) in held {
            assert!(
                !allows(replica, a, &service(), permission, on).await,
                "{permission}"
            );
        }
    }
    assert!(!administration_allows(&world, a, &service(), "note.edit").await);
    // What it was given is there again when it is enabled.
    let token = tell_service(&world, root, "handler", 3, true).await;
    for (permission, on) in held {
        assert!(
            allows_at(&three, a, &service(), permission, on, token.clone()).await,
            "{permission}"
        );
    }
    assert!(administration_allows(&world, a, &service(), "note.edit").await);
}

async fn a_closed_subject_is_denied_in_every_way_of_asking(world: World) {
    let (a, on) = seeded(&world).await;
    let mut write = world.write(a).await;
    write.resource("note", "1", &Scope::Account(a), None, "{}").await;
    write.commit().await;
    tell_service(&world, ScopeRoot::Deployment, "operator", 1, true).await;
    let replica = polled(&world).await;
    let read = AccountRead {
        account: a,
        consistency: Consistency::Fully,
        deadline: None,
    };
    let (one, served) = (user(1), service());
    let listed = ResourceQuestion {
        subject: &one,
        permission: "note.edit",
        type_name: "note",
        attributes: None,
    };
    let question = |subject, actor| Question {
        subject,
        actor,
        permission: "note.edit",
        target: TargetText::parse(&on).unwrap(),
        attributes: None,
        digest: None,
        audience: Audience::Product,
    };
    let operates = async |account| {
        let claim = Claim {
            subject: &served,
            permission: "account.edit",
            targets: std::slice::from_ref(&on),
            operator: OperatorAllowed::Yes,
            proposed: None,
            within: None,
        };
        let held = replica.held(&claim, account, &Consistency::Fully, None).await;
        held.unwrap().allowed == [true]
    };
    for open in [true, false] {
        if !open {
            tell_user(&world, 1, 2, PersonState::Disabled).await;
            // Its binding at the deployment stays, so that nothing but its state denies it.
            tell_service(&world, ScopeRoot::Deployment, "operator", 2, false).await;
            world.bind_root(ScopeRoot::Deployment, &served, "operator").await;
        }
        let outcome = if open { Outcome::Allow } else { Outcome::Deny };
        let both = [question(&one, None), question(&one, None)];
        let batch = replica.decide_all(&read, &both).await.unwrap().answer.unwrap();
        assert!(batch.iter().all(|answer| answer.outcome == outcome));
        let explained = replica.explain(a, &question(&one, None), None).await.unwrap();
        assert_eq!(explained.answer.unwrap().answer().outcome, outcome);
        let acted = replica.decide(&read, &question(&one, Some(&one))).await.unwrap();
        assert_eq!(acted.answer.unwrap().outcome, outcome);
        let page = replica
            .resources(&read, &listed, None, 10)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(page.ids.len(), usize::from(open));
        let plan = replica.plan(&read, &listed, &AccountColumn::default()).await;
        let plan = plan.unwrap().unwrap().unwrap();
        assert_eq!(plan.all || !plan.alternatives.is_empty(), open);
        let scopes = replica
            .scopes(&read, &one, Some("note.edit"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(!scopes.is_empty(), open);
        let target = TargetText::parse(&on).unwrap();
        let rows = replica
            .matrix(&read, std::slice::from_ref(&one), target)
            .await
            .unwrap();
        assert_eq!(!rows.answer[0].0.is_empty(), open);
        assert_eq!(operates(Some(a)).await, open);
        assert_eq!(operates(None).await, open);
    }
}

async fn an_old_state_in_the_shared_cache_counts_no_more(world: World) {
    let (a, on) = assigned(&world).await;
    let shared = Arc::new(MemoryCache::default());
    let start = async || {
        let replica = world.replica_with(Some(shared.clone()), ReplicaConfig::default());
        replica.poll().await.unwrap();
        replica
    };
    let one = start().await;
    assert!(allows(&one, a, &user(7), "note.view", on).await);
    let kept = shared.0.lock().unwrap().clone();
    assert!(
        kept.keys().any(|key| key.contains(":4:")),
        "the state is in the cache: {:?}",
        kept.keys()
    );
    tell_user(&world, 7, 2, PersonState::Disabled).await;
    // A process that starts now, and finds what was cached before.
    let two = start().await;
    assert!(!allows(&two, a, &user(7), "note.view", on).await);
    // The cache is set back.
    *shared.0.lock().unwrap() = kept;
    one.poll().await.unwrap();
    let three = start().await;
    for replica in [&one, &two, &three] {
        assert!(!allows(replica, a, &user(7), "note.view", on).await);
    }
    // A state that did not change is taken from the cache, by a process that has not seen the change.
    tell_user(&world, 7, 3, PersonState::Active).await;
    let four = start().await;
    assert!(allows(&four, a, &user(7), "note.view", on).await);
    let mut write = world.write(a).await;
    write.member(user_id(9)).await;
    write.commit().await;
    let five = start().await;
    assert!(allows(&five, a, &user(7), "note.view", on).await);
}

async fn a_service_account_is_closed_before_the_feed_tells_of_it(world: World) {
    let (a, on) = seeded(&world).await;
    let mut write = world.write(a).await;
    write.bind(&service(), "editor", &Scope::Account(a)).await;
    write.commit().await;
    let replica = polled(&world).await;
    assert!(allows(&replica, a, &service(), "note.edit", &on).await);
    let ports = Ports {
        store: Arc::new(SqlStore::new(world.db.clone())),
        clock: world.bed.clock.clone(),
        ids: Arc::new(SystemIds),
        limits: Limits::default(),
    };
    let caller = witness::peer_of::<CloseServiceAccount>();
    let by = witness::authorized(&caller, &Target::none(), false);
    let closed = Close {
        id: service_id(),
        version: version(3),
    };
    let token = close(&ports, &by, closed).await.unwrap();
    assert!(!allows_at(&replica, a, &service(), "note.edit", &on, token).await);
    // What identity said before is still on its way.
    let token = tell_service(&world, ScopeRoot::Account(a), "handler", 2, true).await;
    assert!(!allows_at(&replica, a, &service(), "note.edit", &on, token).await);
}

async fn more_changes_than_are_remembered_ask_the_primary(world: World) {
    let (a, on) = seeded(&world).await;
    let config = ReplicaConfig {
        changes: 4,
        ..ReplicaConfig::default()
    };
    let replica = world.replica_with(None, config);
    replica.poll().await.unwrap();
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    for n in 10..30 {
        tell_user(&world, n, 2, PersonState::Disabled).await;
        replica.poll().await.unwrap();
    }
    assert!(allows(&replica, a, &user(1), "note.edit", &on).await);
    tell_user(&world, 1, 2, PersonState::Disabled).await;
    for n in 30..50 {
        tell_user(&world, n, 2, PersonState::Disabled).await;
    }
    replica.poll().await.unwrap();
    assert!(!allows(&replica, a, &user(1), "note.edit", &on).await);
}
