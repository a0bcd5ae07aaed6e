//! Resources that go to another owner or to another scope.

use std::sync::Arc;

use bailiwick_authorization_core::{
    Error,
    grant::{About, AppliesTo, Filter},
    quota,
    resource::{
        Resource,
        register::{Owner, Register},
        relocate::Move,
        transfer::Transfer,
    },
};
use bailiwick_types::{AccountId, Code, Fault, Scope, Subject, UserId, WorkspaceId};

use crate::world::{By, World, code, grant, name, register};

async fn put(
    world: &World,
    account: AccountId,
    (resource, scope): (&str, &Scope),
    (owner, parent): (Option<UserId>, Option<&str>),
) -> Resource {
    let resource = Register {
        owner: owner.map_or(Owner::Nobody, |owner| Owner::Is(Subject::user(owner))),
        parent: parent.map(name),
        ..register(resource, scope)
    };
    world.run(&world.operator(), account, resource).await.unwrap()
}

async fn transfer(
    world: &World,
    by: &By,
    account: AccountId,
    (resource, to): (&str, UserId),
) -> Result<Resource, Error> {
    let transfer = Transfer {
        name: name(resource),
        to: Subject::user(to),
    };
    world.run(by, account, transfer).await
}

async fn move_to(
    world: &World,
    by: &By,
    account: AccountId,
    (resource, scope): (&str, &Scope),
) -> Result<Resource, Error> {
    let relocate = Move {
        name: name(resource),
        scope: scope.clone(),
    };
    world.run(by, account, relocate).await
}

async fn quota(world: &World, account: AccountId, user: UserId, limit: u64) {
    let set = quota::set::Set {
        user,
        of: "project".to_owned(),
        limit: Some(limit),
    };
    world.run(&world.operator(), account, set).await.unwrap();
}

async fn a_resource_is_handed_over_with_the_right_to_and_charged_to_the_new_owner(world: World) {
    let account = world.account("sogolytics", None, 0).await;
    let at = Scope::Account(account);
    let boss = world.holder("boss@example.com", account, "administrator").await;
    let sam = world.holder("sam@example.com", account, "sub_user").await;
    let tia = world.holder("tia@example.com", account, "sub_user").await;
    put(&world, account, ("project:a", &at), (Some(sam), None)).await;
    put(&world, account, ("project:b", &at), (Some(sam), None)).await;
    let by_boss = world.by(boss, account);
    // Owning a resource is not enough. One that does not exist is refused alike.
    for (user, what) in [(sam, "project:a"), (tia, "project:a"), (sam, "project:none")] {
        let refused = transfer(&world, &world.by(user, account), account, (what, tia)).await;
        assert_eq!(code(refused), Code::PermissionDenied, "{what}");
    }
    let refused = transfer(&world, &by_boss, account, ("project:none", tia)).await;
    assert_eq!(code(refused), Code::NotFound);
    quota(&world, account, tia, 1).await;
    let given = transfer(&world, &by_boss, account, ("project:a", tia)).await;
    assert_eq!(given.unwrap().owner, Some(Subject::user(tia)));
    // The present owner keeps it, whatever the quota says.
    transfer(&world, &by_boss, account, ("project:a", tia))
        .await
        .unwrap();
    let error = transfer(&world, &by_boss, account, ("project:b", tia))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code(), error.reason().as_str()),
        (Code::ResourceExhausted, "QUOTA_EXHAUSTED")
    );
    let read = world.read(account).await;
    let owned = async |user| {
        let owner = Subject::user(user);
        read.owned(&owner, "project").await.unwrap()
    };
    assert_eq!((owned(sam).await, owned(tia).await), (1, 1));
    let left = read.resource(&name("project:b")).await.unwrap();
    assert_eq!(left.unwrap().owner, Some(Subject::user(sam)));
}

async fn a_resource_moves_with_those_below_it_where_the_caller_may_edit_and_create(world: World) {
    let olga = world.person("olga@example.com").await;
    let account = world.account("e-satisfaction", Some(olga), 0).await;
    let (athens, berlin) = (world.workspace(account).await, world.workspace(account).await);
    let amy = world.member("amy@example.com", account).await;
    let rep = world.member("rep@example.com", account).await;
    let op = world.operator();
    for (user, role) in [(amy, "admin"), (rep, "reporting")] {
        world.assign(&op, account, (user, role, &athens)).await.unwrap();
    }
    put(&world, account, ("campaign:top", &athens), (None, None)).await;
    for (resource, scope) in [("report:below", &athens), ("report:away", &berlin)] {
        let below = (None, Some("campaign:top"));
        put(&world, account, (resource, scope), below).await;
    }
    let (by_amy, by_rep) = (world.by(amy, account), world.by(rep, account));
    // No right to create there, no right to edit here, and no such scope.
    let nowhere = Scope::Workspace(WorkspaceId::from_uuid(world.ports.ids.uuid()));
    for (by, to) in [(&by_amy, &berlin), (&by_rep, &athens), (&by_amy, &nowhere)] {
        let refused = move_to(&world, by, account, ("campaign:top", to)).await;
        assert_eq!(code(refused), Code::PermissionDenied);
    }
    let refused = move_to(&world, &op, account, ("campaign:top", &nowhere)).await;
    assert_eq!(code(refused), Code::NotFound);
    world.assign(&op, account, (amy, "admin", &berlin)).await.unwrap();
    let moved = move_to(&world, &by_amy, account, ("campaign:top", &berlin))
        .await
        .unwrap();
    assert_eq!(moved.scope, berlin);
    let read = world.read(account).await;
    for below in ["report:below", "report:away"] {
        let found = read.resource(&name(below)).await.unwrap().unwrap();
        assert_eq!(found.scope, berlin, "{below}");
        assert_eq!(found.parent, Some(name("campaign:top")));
    }
    drop(read);
    // A move to where it is changes nothing.
    let again = move_to(&world, &by_amy, account, ("campaign:top", &berlin)).await;
    assert_eq!(again.unwrap(), moved);
}

async fn grants_on_existing_resources_around_a_move_stay_and_those_at_its_target_do_not_apply(world: World) {
    let olga = world.person("olga@example.com").await;
    let account = world.account("e-satisfaction", Some(olga), 0).await;
    let (athens, berlin) = (world.workspace(account).await, world.workspace(account).await);
    let [wide, near] = [
        world.member("wide@example.com", account).await,
        world.member("near@example.com", account).await,
    ];
    let before = put(&world, account, ("report:r", &athens), (None, None)).await;
    for (user, scope) in [(wide, Scope::Account(account)), (near, berlin.clone())] {
        let about = About::Type {
            of: "report".to_owned(),
            scope,
            applies_to: AppliesTo::Existing,
        };
        let grant = grant(Subject::user(user), &["report.view"], about);
        let by = world.by(olga, account);
        world.run(&by, account, grant).await.unwrap();
    }
    let moved = move_to(&world, &world.operator(), account, ("report:r", &berlin))
        .await
        .unwrap();
    assert!(
        moved.revision > before.revision,
        "it counts as registered at the move"
    );
    let read = world.read(account).await;
    let filter = Filter {
        resource: Some(name("report:r")),
        ..Filter::default()
    };
    let on_it = read.grants(&filter, None, 10).await.unwrap();
    let subjects: Vec<&Subject> = on_it.iter().map(|grant| &grant.subject).collect();
    assert_eq!(subjects, [&Subject::user(wide)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_transfers_to_a_user_with_quota_for_one_exactly_one_succeeds() {
    let world = Arc::new(World::postgres().await);
    let account = world.account("sogolytics", None, 0).await;
    let at = Scope::Account(account);
    let sam = world.member("sam@example.com", account).await;
    for round in 0..50 {
        let tia = world.member(&format!("tia{round}@example.com"), account).await;
        quota(&world, account, tia, 1).await;
        let names = [format!("project:a{round}"), format!("project:b{round}")];
        for one in &names {
            put(&world, account, (one, &at), (Some(sam), None)).await;
        }
        let hand_over = |what: String| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { transfer(&world, &world.operator(), account, (&what, tia)).await })
        };
        let [a, b] = names;
        let (one, other) = tokio::join!(hand_over(a), hand_over(b));
        let lost: Vec<Code> = [one, other]
            .into_iter()
            .filter_map(|result| result.unwrap().err())
            .map(|error| error.code())
            .collect();
        assert_eq!(lost, [Code::ResourceExhausted], "round {round}");
    }
}

bailiwick_testkit::on_both_engines!(
    a_resource_is_handed_over_with_the_right_to_and_charged_to_the_new_owner,
    a_resource_moves_with_those_below_it_where_the_caller_may_edit_and_create,
    grants_on_existing_resources_around_a_move_stay_and_those_at_its_target_do_not_apply,
);
