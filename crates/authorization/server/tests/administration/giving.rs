//! Grants, groups, approvals and seats.

use std::time::Duration;

use bailiwick_authorization_core::{
    On,
    approval::{approve::Approve, consume::Consume, reject::Reject, request::Request},
    follow::AccountTold,
    grant::{
        About,
        delete::{Delete, Which},
    },
    group::{add_member::AddMember, delete::Delete as DeleteGroup},
    member::delete::Delete as DeleteMember,
    resource::register::{Owner, Register},
    seat,
};
use bailiwick_types::{AccountId, Code, Fault, Scope, Subject, UserId, WorkspaceId};
use serde_json::Map;

use crate::world::{World, assign, denied, grant, name, register, texts};

async fn project(world: &World, account: AccountId, owner: UserId) {
    let register = Register {
        owner: Owner::Is(Subject::user(owner)),
        ..register("project:nps", &Scope::Account(account))
    };
    world.run(&world.operator(), account, register).await.unwrap();
}

async fn boss_and_sam(world: &World) -> (AccountId, UserId, UserId) {
    let account = world.account("sogolytics", None, 10).await;
    let boss = world.holder("boss@example.com", account, "administrator").await;
    let sam = world.holder("sam@example.com", account, "sub_user").await;
    (account, boss, sam)
}

async fn what_is_granted_is_held_by_who_grants_it_and_is_taken_by_name(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    project(&world, account, boss).await;
    let about = About::Resource(name("project:nps"));
    let (by_boss, by_sam) = (world.by(boss, account), world.by(sam, account));
    let to = Subject::user(sam);
    let give = |to: &Subject, permissions| grant(to.clone(), permissions, about.clone());
    let both = give(&to, &["project.view", "project.report"]);
    let made = world.run(&by_boss, account, both.clone()).await.unwrap();
    let again = world.run(&by_boss, account, both).await.unwrap();
    assert_eq!(made, again);
    let other = Subject::user(world.member("tia@example.com", account).await);
    let stranger = Subject::user(world.person("x@example.com").await);
    let view: &[&str] = &["project.view"];
    for (by, give, reason) in [
        (&by_sam, give(&other, view), "PERMISSION_DENIED"),
        (&by_boss, give(&to, &["project.fly"]), "UNKNOWN_PERMISSION"),
        (&by_boss, give(&stranger, view), "NOT_A_MEMBER"),
    ] {
        let error = world.run(by, account, give).await.unwrap_err();
        assert_eq!(error.reason().as_str(), reason);
    }
    let take = |permission: &str| Delete {
        which: Which::Of {
            subject: to.clone(),
            permissions: texts(&[permission]),
            about: about.clone(),
        },
    };
    denied(world.run(&by_sam, account, take("project.view")).await);
    let taken = world.run(&by_boss, account, take("project.view")).await;
    taken.unwrap();
    let read = world.read(account).await;
    let left = read.grant(made.id).await.unwrap().unwrap();
    assert_eq!(left.permissions, ["project.report"]);
    drop(read);
    let taken = world.run(&by_boss, account, take("project.report")).await;
    taken.unwrap();
    let error = world.run(&by_boss, account, take("project.report")).await;
    assert_eq!(error.unwrap_err().code(), Code::NotFound);
}

async fn what_a_grant_is_on_exists_for_those_who_could_give_it_alone(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    let (by_boss, by_sam) = (world.by(boss, account), world.by(sam, account));
    let resource = About::Resource(name("project:none"));
    // Nobody has a right in a place that is not there.
    let scope = About::Scope(Scope::Workspace(WorkspaceId::generate(&*world.ports.ids)));
    let expected = [
        (&resource, &by_boss, Code::NotFound),
        (&resource, &by_sam, Code::PermissionDenied),
        (&scope, &by_boss, Code::PermissionDenied),
        (&scope, &by_sam, Code::PermissionDenied),
        (&scope, &world.operator(), Code::NotFound),
    ];
    for (about, by, code) in expected {
        let give = grant(Subject::user(sam), &["project.view"], about.clone());
        let error = world.run(by, account, give).await.unwrap_err();
        assert_eq!(error.code(), code, "{error} {about:?}");
    }
}

async fn joining_a_group_asks_for_the_right_to_give_all_it_has_and_groups_make_no_circle(world: World) {
    let account = world.account("one-question", None, 0).await;
    let (at, sales) = (Scope::Account(account), world.instance(account).await);
    let ada = world.holder("ada@example.com", account, "admin").await;
    let max = world.member("max@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (max, "manager", &sales))
        .await
        .unwrap();
    let (by, by_max) = (world.by(ada, account), world.by(max, account));
    let max = Subject::user(max);
    let (outer, inner) = (world.group(&by, account).await, world.group(&by, account).await);
    let admin = assign(Subject::group(outer), "admin", &at);
    let error = world.run(&by, account, admin).await.unwrap_err();
    let reason = error.reason();
    assert_eq!(reason.as_str(), "HOLDER_RULE", "only users hold such roles");
    let manager = assign(Subject::group(outer), "manager", &sales);
    world.run(&by, account, manager).await.unwrap();
    let put = |group, member: &Subject| AddMember {
        group,
        member: member.clone(),
    };
    let nest = put(outer, &Subject::group(inner));
    world.run(&by, account, nest).await.unwrap();
    for (group, code) in [(inner, Code::FailedPrecondition), (outer, Code::InvalidArgument)] {
        let circle = put(group, &Subject::group(outer));
        let error = world.run(&by, account, circle).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
    denied(world.run(&by_max, account, put(inner, &max)).await);
    world.run(&by, account, put(inner, &max)).await.unwrap();
    let delete = DeleteGroup { group: outer };
    world.run(&by, account, delete).await.unwrap();
    let read = world.read(account).await;
    assert_eq!(read.group(outer).await.unwrap(), None);
    assert_eq!(read.bindings_of(&Subject::group(outer)).await.unwrap(), []);
    assert_eq!(read.groups_of(&max).await.unwrap(), [inner]);
}

async fn an_approval_is_asked_for_once_decided_once_and_by_somebody_else(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    let flow = world
        .holder("flow@example.com", account, "workflow_manager")
        .await;
    project(&world, account, sam).await;
    let on = On::Resource(name("project:nps"));
    let ask = || Request {
        permission: "project.distribute".to_owned(),
        on: on.clone(),
        digest: String::new(),
        attributes: Map::new(),
    };
    let [by_boss, by_sam, by_flow] = [boss, sam, flow].map(|user| world.by(user, account));
    let error = world.run(&by_boss, account, ask()).await.unwrap_err();
    assert_eq!(error.reason().as_str(), "ALREADY_ALLOWED");
    let approval = world.run(&by_sam, account, ask()).await.unwrap().id;
    let error = world.run(&by_sam, account, ask()).await.unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists);
    let consume = || Consume {
        subject: Subject::user(sam),
        permission: "project.distribute".to_owned(),
        on: on.clone(),
        digest: String::new(),
        attributes: Default::default(),
    };
    let error = world.run(&by_sam, account, consume()).await.unwrap_err();
    assert_eq!(error.reason().as_str(), "NO_APPROVAL");
    denied(world.run(&by_sam, account, Approve { approval }).await);
    let approved = world.run(&by_flow, account, Approve { approval }).await;
    approved.unwrap();
    let error = world.run(&by_flow, account, Reject { approval }).await;
    assert_eq!(error.unwrap_err().reason().as_str(), "ALREADY_DECIDED");
    // This one stays.
    for _ in 0..2 {
        assert_eq!(world.run(&by_sam, account, consume()).await.unwrap(), None);
    }
}

async fn a_seat_is_free_at_once_or_ends_with_the_billing_cycle(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    let tia = world.member("tia@example.com", account).await;
    let by = world.by(boss, account);
    let seats = async || {
        let read = world.read(account).await;
        let of = read.account().await.unwrap().unwrap();
        let seats = seat::count(&*read, &of, world.now()).await.unwrap();
        (seats.limit, seats.used, seats.ending)
    };
    assert_eq!(seats().await, (Some(10), 3, 0));
    for (user, seat_ends, expected) in [(sam, false, (Some(10), 2, 0)), (tia, true, (Some(10), 1, 1))] {
        let delete = DeleteMember { user, seat_ends };
        world.run(&by, account, delete).await.unwrap();
        assert_eq!(seats().await, expected);
    }
    world.clock.advance(Duration::from_hours(744));
    assert_eq!(seats().await, (Some(9), 1, 0));
    // Another limit says what there is from now on.
    let told = world.account_told(account, "sogolytics", 2);
    world.tell_account(AccountTold { seats: 12, ..told }).await;
    assert_eq!(seats().await, (Some(12), 1, 0));
}

const DESK: &str = "
product: desk
levels: {account: {}}
subjects: {user: members}
types: {answer: {verbs: [give, check, review]}}
roles:
  owner: {holders: {exactly: 1}, levels: {account: {permissions: ['*'], assigns: ['*']}}}
  checked:
    levels: {account: {permissions: [{permission: answer.give, approval: {by: answer.check, serves: once}}]}}
  reviewed:
    levels: {account: {permissions: [{permission: answer.give, approval: {by: answer.review, serves: once}}]}}
";

async fn of_two_groups_with_a_rule_the_first_by_id_decides_who_approves(world: World) {
    world.apply(DESK).await.unwrap();
    let boss = world.person("boss@example.com").await;
    let account = world.account("desk", Some(boss), 0).await;
    let at = Scope::Account(account);
    let (by, sam) = (
        world.by(boss, account),
        world.member("sam@example.com", account).await,
    );
    let mut groups = [world.group(&by, account).await, world.group(&by, account).await];
    groups.sort();
    for (group, role) in groups.into_iter().zip(["checked", "reviewed"]).rev() {
        let assign = assign(Subject::group(group), role, &at);
        world.run(&by, account, assign).await.unwrap();
        let member = Subject::user(sam);
        world
            .run(&by, account, AddMember { group, member })
            .await
            .unwrap();
    }
    let request = Request {
        permission: "answer.give".to_owned(),
        on: On::Scope(at),
        digest: String::new(),
        attributes: Map::new(),
    };
    let asked = world
        .run(&world.by(sam, account), account, request)
        .await
        .unwrap();
    assert_eq!(asked.by, "answer.check");
}

bailiwick_testkit::on_both_engines!(
    of_two_groups_with_a_rule_the_first_by_id_decides_who_approves,
    what_is_granted_is_held_by_who_grants_it_and_is_taken_by_name,
    joining_a_group_asks_for_the_right_to_give_all_it_has_and_groups_make_no_circle,
    what_a_grant_is_on_exists_for_those_who_could_give_it_alone,
    an_approval_is_asked_for_once_decided_once_and_by_somebody_else,
    a_seat_is_free_at_once_or_ends_with_the_billing_cycle,
);
