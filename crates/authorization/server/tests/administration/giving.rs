//! Grants, groups, approvals and seats.

use bailiwick_authorization_core::{
    On,
    follow::AccountTold,
    grant::About,
    resource::Name,
    seat,
    use_case::{
        approve::{self, Verdict},
        assign_role,
        change_group::{self, Act},
        consume_approval, create_grant, create_group, delete_grant, delete_member, register_resource,
        request_approval,
    },
};
use bailiwick_types::{AccountId, Authorized, Code, Fault, Scope, Subject, UserId, WorkspaceId};
use serde_json::Map;
use std::time::Duration;

use crate::world::World;

async fn project(world: &World, account: AccountId, owner: UserId) -> Name {
    let name: Name = "project:nps".parse().unwrap();
    let command = register_resource::Command {
        account,
        name: name.clone(),
        scope: Scope::Account(account),
        owner: register_resource::Owner::Is(Subject::user(owner)),
        parent: None,
        title: String::new(),
        attributes: Map::new(),
    };
    register_resource::execute(&world.ports, &world.operator(), command)
        .await
        .unwrap();
    name
}

fn grant(account: AccountId, subject: &Subject, permissions: &[&str], about: About) -> create_grant::Command {
    create_grant::Command {
        account,
        subject: subject.clone(),
        permissions: permissions.iter().map(|text| (*text).to_owned()).collect(),
        about,
        parameters: Map::new(),
        expires_at: None,
    }
}

async fn boss_and_sam(world: &World) -> (AccountId, UserId, UserId) {
    let account = world.account("sogolytics", None, 10).await;
    let boss = world.member("boss@example.com", account).await;
    let sam = world.member("sam@example.com", account).await;
    let at = Scope::Account(account);
    world
        .assign(&world.operator(), account, (boss, "administrator", &at))
        .await
        .unwrap();
    world
        .assign(&world.operator(), account, (sam, "sub_user", &at))
        .await
        .unwrap();
    (account, boss, sam)
}

async fn what_is_granted_is_held_by_who_grants_it_and_is_taken_by_name(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    let name = project(&world, account, boss).await;
    let about = || About::Resource(name.clone());
    let (by_boss, by_sam) = (world.by(boss, account), world.by(sam, account));
    let to = Subject::user(sam);
    let command = grant(account, &to, &["project.view", "project.report"], about());
    let (made, _) = create_grant::execute(&world.ports, &by_boss, command.clone())
        .await
        .unwrap();
    let (again, _) = create_grant::execute(&world.ports, &by_boss, command)
        .await
        .unwrap();
    assert_eq!(made, again);
    let other = Subject::user(world.member("tia@example.com", account).await);
    let command = grant(account, &other, &["project.view"], about());
    let error = create_grant::execute(&world.ports, &by_sam, command)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let error = create_grant::execute(
        &world.ports,
        &by_boss,
        grant(account, &to, &["project.fly"], about()),
    );
    assert_eq!(error.await.unwrap_err().reason().as_str(), "UNKNOWN_PERMISSION");
    let stranger = Subject::user(world.person("x@example.com").await);
    let error = create_grant::execute(
        &world.ports,
        &by_boss,
        grant(account, &stranger, &["project.view"], about()),
    );
    assert_eq!(error.await.unwrap_err().reason().as_str(), "NOT_A_MEMBER");
    let take = |permissions: &[&str]| delete_grant::Command {
        account,
        which: delete_grant::Which::Of {
            subject: to.clone(),
            permissions: permissions.iter().map(|text| (*text).to_owned()).collect(),
            about: about(),
        },
    };
    let error = delete_grant::execute(&world.ports, &by_sam, take(&["project.view"]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    delete_grant::execute(&world.ports, &by_boss, take(&["project.view"]))
        .await
        .unwrap();
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    assert_eq!(
        read.grant(made.id).await.unwrap().unwrap().permissions,
        ["project.report"]
    );
    drop(read);
    delete_grant::execute(&world.ports, &by_boss, take(&["project.report"]))
        .await
        .unwrap();
    let error = delete_grant::execute(&world.ports, &by_boss, take(&["project.report"]))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

async fn what_a_grant_is_on_exists_for_those_who_could_give_it_alone(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    let to = Subject::user(sam);
    let resource = About::Resource("project:none".parse().unwrap());
    // Nobody has a right in a place that is not there.
    let scope = About::Scope(Scope::Workspace(WorkspaceId::generate(&*world.ports.ids)));
    let expected = [
        (&resource, boss, Code::NotFound),
        (&resource, sam, Code::PermissionDenied),
        (&scope, boss, Code::PermissionDenied),
        (&scope, sam, Code::PermissionDenied),
    ];
    for (about, who, code) in expected {
        let command = grant(account, &to, &["project.view"], about.clone());
        let by = world.by(who, account);
        let error = create_grant::execute(&world.ports, &by, command)
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{error} {about:?}");
    }
    let command = grant(account, &to, &["project.view"], scope);
    let error = create_grant::execute(&world.ports, &world.operator(), command)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

async fn group(world: &World, by: &Authorized, account: AccountId) -> bailiwick_types::GroupId {
    let command = create_group::Command {
        account,
        title: "Group".to_owned(),
        request_id: None,
    };
    create_group::execute(&world.ports, by, command)
        .await
        .unwrap()
        .0
        .id
}

async fn joining_a_group_asks_for_the_right_to_give_all_it_has_and_groups_make_no_circle(world: World) {
    let account = world.account("one-question", None, 0).await;
    let (at, sales) = (Scope::Account(account), world.instance(account).await);
    let ada = world.member("ada@example.com", account).await;
    let max = world.member("max@example.com", account).await;
    let op = world.operator();
    world.assign(&op, account, (ada, "admin", &at)).await.unwrap();
    world
        .assign(&op, account, (max, "manager", &sales))
        .await
        .unwrap();
    let by = world.by(ada, account);
    let (outer, inner) = (
        group(&world, &by, account).await,
        group(&world, &by, account).await,
    );
    let assign = |role: &str| assign_role::Command {
        account,
        subject: Subject::group(outer),
        role: role.to_owned(),
        scope: if role == "admin" {
            at.clone()
        } else {
            sales.clone()
        },
        parameters: Map::new(),
        expires_at: None,
    };
    let error = assign_role::execute(&world.ports, &by, assign("admin"))
        .await
        .unwrap_err();
    assert_eq!(
        error.reason().as_str(),
        "HOLDER_RULE",
        "only users hold such roles"
    );
    assign_role::execute(&world.ports, &by, assign("manager"))
        .await
        .unwrap();
    let change = |group, act| change_group::Command { account, group, act };
    let put = |group, subject: Subject| change(group, Act::Add(subject));
    change_group::execute(&world.ports, &by, put(outer, Subject::group(inner)))
        .await
        .unwrap();
    for (group, code) in [(inner, Code::FailedPrecondition), (outer, Code::InvalidArgument)] {
        let circle = put(group, Subject::group(outer));
        let error = change_group::execute(&world.ports, &by, circle)
            .await
            .unwrap_err();
        assert_eq!(error.code(), code);
    }
    let by_max = world.by(max, account);
    let error = change_group::execute(&world.ports, &by_max, put(inner, Subject::user(max)));
    assert_eq!(error.await.unwrap_err().code(), Code::PermissionDenied);
    change_group::execute(&world.ports, &by, put(inner, Subject::user(max)))
        .await
        .unwrap();
    change_group::execute(&world.ports, &by, change(outer, Act::Delete))
        .await
        .unwrap();
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    assert_eq!(read.group(outer).await.unwrap(), None);
    assert_eq!(read.bindings_of(&Subject::group(outer)).await.unwrap(), []);
    assert_eq!(read.groups_of(&Subject::user(max)).await.unwrap(), [inner]);
}

async fn an_approval_is_asked_for_once_decided_once_and_by_somebody_else(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    let flow = world.member("flow@example.com", account).await;
    world
        .assign(
            &world.operator(),
            account,
            (flow, "workflow_manager", &Scope::Account(account)),
        )
        .await
        .unwrap();
    let on = On::Resource(project(&world, account, sam).await);
    let ask = || request_approval::Command {
        account,
        permission: "project.distribute".to_owned(),
        on: on.clone(),
        digest: String::new(),
        attributes: Map::new(),
    };
    let by_sam = world.by(sam, account);
    let error = request_approval::execute(&world.ports, &world.by(boss, account), ask())
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "ALREADY_ALLOWED");
    let (made, _) = request_approval::execute(&world.ports, &by_sam, ask())
        .await
        .unwrap();
    let error = request_approval::execute(&world.ports, &by_sam, ask())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists);
    let use_up = || consume_approval::Command {
        account,
        subject: Subject::user(sam),
        permission: "project.distribute".to_owned(),
        on: on.clone(),
        digest: String::new(),
    };
    let error = consume_approval::execute(&world.ports, &by_sam, use_up())
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "NO_APPROVAL");
    let decide = |verdict| approve::Command {
        account,
        approval: made.id,
        verdict,
    };
    let error = approve::execute(&world.ports, &by_sam, decide(Verdict::Approve))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let by_flow = world.by(flow, account);
    approve::execute(&world.ports, &by_flow, decide(Verdict::Approve))
        .await
        .unwrap();
    let error = approve::execute(&world.ports, &by_flow, decide(Verdict::Reject))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "ALREADY_DECIDED");
    // This one stays.
    for _ in 0..2 {
        let (used, _) = consume_approval::execute(&world.ports, &by_sam, use_up())
            .await
            .unwrap();
        assert_eq!(used, None);
    }
}

async fn a_seat_is_free_at_once_or_ends_with_the_billing_cycle(world: World) {
    let (account, boss, sam) = boss_and_sam(&world).await;
    let tia = world.member("tia@example.com", account).await;
    let by = world.by(boss, account);
    let seats = async || {
        let read = world
            .ports
            .store
            .read(bailiwick_testkit::witness::system().account(account).read())
            .await
            .unwrap();
        let of = read.account().await.unwrap().unwrap();
        let seats = seat::count(&*read, &of, world.now()).await.unwrap();
        (seats.limit, seats.used, seats.ending)
    };
    assert_eq!(seats().await, (Some(10), 3, 0));
    let delete = |user, seat_ends| delete_member::Command {
        account,
        user,
        seat_ends,
    };
    delete_member::execute(&world.ports, &by, delete(sam, false))
        .await
        .unwrap();
    assert_eq!(seats().await, (Some(10), 2, 0));
    delete_member::execute(&world.ports, &by, delete(tia, true))
        .await
        .unwrap();
    assert_eq!(seats().await, (Some(10), 1, 1));
    world.clock.advance(Duration::from_hours(744));
    assert_eq!(seats().await, (Some(9), 1, 0));
    // Another limit says what there is from now on.
    let told = world.account_told(account, "sogolytics", 2);
    world.tell_account(AccountTold { seats: 12, ..told }).await;
    assert_eq!(seats().await, (Some(12), 1, 0));
}

bailiwick_testkit::on_both_engines!(
    what_is_granted_is_held_by_who_grants_it_and_is_taken_by_name,
    joining_a_group_asks_for_the_right_to_give_all_it_has_and_groups_make_no_circle,
    what_a_grant_is_on_exists_for_those_who_could_give_it_alone,
    an_approval_is_asked_for_once_decided_once_and_by_somebody_else,
    a_seat_is_free_at_once_or_ends_with_the_billing_cycle,
);
