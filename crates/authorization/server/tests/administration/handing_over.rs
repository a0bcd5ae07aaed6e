//! Resources that go to another owner or to another scope.

use std::sync::Arc;

use bailiwick_authorization_core::{
    grant::{About, AppliesTo, Filter},
    resource::{Name, Resource},
    use_case::{
        create_grant, move_resource,
        register_resource::{self, Owner},
        set_quota, transfer_resource,
    },
};
use bailiwick_types::{AccountId, Authorized, Code, Fault, Scope, Subject, UserId};
use serde_json::Map;

use crate::world::World;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

async fn register(
    world: &World,
    account: AccountId,
    (resource, scope): (&str, &Scope),
    (owner, parent): (Option<UserId>, Option<&str>),
) -> Resource {
    let command = register_resource::Command {
        account,
        name: name(resource),
        scope: scope.clone(),
        owner: owner.map_or(Owner::Nobody, |owner| Owner::Is(Subject::user(owner))),
        parent: parent.map(name),
        title: String::new(),
        attributes: Map::new(),
    };
    let made = register_resource::execute(&world.ports, &world.operator(), command).await;
    made.unwrap().0
}

async fn transfer(
    world: &World,
    by: &Authorized,
    account: AccountId,
    (resource, to): (&str, UserId),
) -> Result<Resource, transfer_resource::Error> {
    let command = transfer_resource::Command {
        account,
        name: name(resource),
        to: Subject::user(to),
    };
    Ok(transfer_resource::execute(&world.ports, by, command).await?.0)
}

async fn move_to(
    world: &World,
    by: &Authorized,
    account: AccountId,
    (resource, scope): (&str, &Scope),
) -> Result<Resource, move_resource::Error> {
    let command = move_resource::Command {
        account,
        name: name(resource),
        scope: scope.clone(),
    };
    Ok(move_resource::execute(&world.ports, by, command).await?.0)
}

async fn quota(world: &World, account: AccountId, user: UserId, limit: u64) {
    let command = set_quota::Command {
        account,
        user,
        of: "project".to_owned(),
        limit: Some(limit),
    };
    set_quota::execute(&world.ports, &world.operator(), command)
        .await
        .unwrap();
}

async fn a_resource_is_handed_over_by_whoever_may_and_charged_to_the_new_owner(world: World) {
    let account = world.account("sogolytics", None, 0).await;
    let at = Scope::Account(account);
    let [boss, sam, tia] = [
        world.member("boss@example.com", account).await,
        world.member("sam@example.com", account).await,
        world.member("tia@example.com", account).await,
    ];
    let op = world.operator();
    for (user, role) in [(boss, "administrator"), (sam, "sub_user"), (tia, "sub_user")] {
        world.assign(&op, account, (user, role, &at)).await.unwrap();
    }
    register(&world, account, ("project:a", &at), (Some(sam), None)).await;
    register(&world, account, ("project:b", &at), (Some(sam), None)).await;
    let by_boss = world.by(boss, account);
    // Owning it is not enough; what is not there answers alike.
    for (who, what) in [(sam, "project:a"), (tia, "project:a"), (sam, "project:none")] {
        let error = transfer(&world, &world.by(who, account), account, (what, tia))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied, "{what}");
    }
    let error = transfer(&world, &by_boss, account, ("project:none", tia))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    quota(&world, account, tia, 1).await;
    let given = transfer(&world, &by_boss, account, ("project:a", tia))
        .await
        .unwrap();
    assert_eq!(given.owner, Some(Subject::user(tia)));
    // Who has it already keeps it, whatever the quota says.
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
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    let owned = async |user| {
        let owner = Subject::user(user);
        read.owned(&owner, "project").await.unwrap()
    };
    assert_eq!((owned(sam).await, owned(tia).await), (1, 1));
    let left = read.resource(&name("project:b")).await.unwrap();
    assert_eq!(left.unwrap().owner, Some(Subject::user(sam)));
}

async fn a_resource_moves_with_what_lies_below_it_where_its_mover_may_edit_and_create(world: World) {
    let olga = world.person("olga@example.com").await;
    let account = world.account("e-satisfaction", Some(olga), 0).await;
    let (athens, berlin) = (world.workspace(account).await, world.workspace(account).await);
    let amy = world.member("amy@example.com", account).await;
    let rep = world.member("rep@example.com", account).await;
    let op = world.operator();
    world.assign(&op, account, (amy, "admin", &athens)).await.unwrap();
    world
        .assign(&op, account, (rep, "reporting", &athens))
        .await
        .unwrap();
    register(&world, account, ("campaign:top", &athens), (None, None)).await;
    register(
        &world,
        account,
        ("report:below", &athens),
        (None, Some("campaign:top")),
    )
    .await;
    register(
        &world,
        account,
        ("report:away", &berlin),
        (None, Some("campaign:top")),
    )
    .await;
    let by_amy = world.by(amy, account);
    // No right to create there; no right to edit here; nothing there at all.
    let nowhere = Scope::Workspace(bailiwick_types::WorkspaceId::from_uuid(world.ports.ids.uuid()));
    for (by, to) in [
        (&by_amy, &berlin),
        (&world.by(rep, account), &athens),
        (&by_amy, &nowhere),
    ] {
        let error = move_to(&world, by, account, ("campaign:top", to))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::PermissionDenied);
    }
    let error = move_to(&world, &op, account, ("campaign:top", &nowhere))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
    world.assign(&op, account, (amy, "admin", &berlin)).await.unwrap();
    let moved = move_to(&world, &by_amy, account, ("campaign:top", &berlin))
        .await
        .unwrap();
    assert_eq!(moved.scope, berlin);
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    for below in ["report:below", "report:away"] {
        let found = read.resource(&name(below)).await.unwrap().unwrap();
        assert_eq!(found.scope, berlin, "{below}");
        assert_eq!(found.parent, Some(name("campaign:top")));
    }
    drop(read);
    // Where it is already, nothing happens.
    let again = move_to(&world, &by_amy, account, ("campaign:top", &berlin))
        .await
        .unwrap();
    assert_eq!(again, moved);
}

async fn grants_on_existing_resources_around_a_move_go_on_and_those_at_its_target_do_not_reach_it(
    world: World,
) {
    let olga = world.person("olga@example.com").await;
    let account = world.account("e-satisfaction", Some(olga), 0).await;
    let (athens, berlin) = (world.workspace(account).await, world.workspace(account).await);
    let [wide, near] = [
        world.member("wide@example.com", account).await,
        world.member("near@example.com", account).await,
    ];
    register(&world, account, ("report:r", &athens), (None, None)).await;
    for (user, scope) in [(wide, Scope::Account(account)), (near, berlin.clone())] {
        let command = create_grant::Command {
            account,
            subject: Subject::user(user),
            permissions: vec!["report.view".to_owned()],
            about: About::Type {
                of: "report".to_owned(),
                scope,
                applies_to: AppliesTo::Existing,
            },
            parameters: Map::new(),
            expires_at: None,
        };
        create_grant::execute(&world.ports, &world.by(olga, account), command)
            .await
            .unwrap();
    }
    let before = register_revision(&world, account).await;
    let moved = move_to(&world, &world.operator(), account, ("report:r", &berlin))
        .await
        .unwrap();
    assert!(moved.revision > before, "it counts as registered at the move");
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    let filter = Filter {
        resource: Some(name("report:r")),
        ..Filter::default()
    };
    let on_it = read.grants(&filter, None, 10).await.unwrap();
    let whose: Vec<&Subject> = on_it.iter().map(|grant| &grant.subject).collect();
    assert_eq!(whose, [&Subject::user(wide)]);
}

async fn register_revision(world: &World, account: AccountId) -> u64 {
    let read = world
        .ports
        .store
        .read(bailiwick_testkit::witness::system().account(account).read())
        .await
        .unwrap();
    let found = read.resource(&name("report:r")).await.unwrap();
    found.unwrap().revision
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_transfers_to_somebody_with_one_free_place_exactly_one_succeeds() {
    let world = Arc::new(World::postgres().await);
    let account = world.account("sogolytics", None, 0).await;
    let at = Scope::Account(account);
    let sam = world.member("sam@example.com", account).await;
    for round in 0..50 {
        let tia = world.member(&format!("tia{round}@example.com"), account).await;
        quota(&world, account, tia, 1).await;
        let names = [format!("project:a{round}"), format!("project:b{round}")];
        for one in &names {
            register(&world, account, (one, &at), (Some(sam), None)).await;
        }
        let hand_over = |what: String| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { transfer(&world, &world.operator(), account, (&what, tia)).await })
        };
        let [a, b] = names;
        let (one, other) = tokio::join!(hand_over(a), hand_over(b));
        let results = [one.unwrap(), other.unwrap()];
        let lost: Vec<Code> = results
            .iter()
            .filter_map(|r| r.as_ref().err().map(Fault::code))
            .collect();
        assert_eq!(lost, [Code::ResourceExhausted], "round {round}");
    }
}

bailiwick_testkit::on_both_engines!(
    a_resource_is_handed_over_by_whoever_may_and_charged_to_the_new_owner,
    a_resource_moves_with_what_lies_below_it_where_its_mover_may_edit_and_create,
    grants_on_existing_resources_around_a_move_go_on_and_those_at_its_target_do_not_reach_it,
);
