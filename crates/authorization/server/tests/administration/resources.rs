//! Resources.

use bailiwick_authorization_core::{
    resource::{Name, Resource},
    use_case::{
        register_resource::{self, Command, Owner},
        unregister_resource, update_resource,
    },
};
use bailiwick_types::{AccountId, Code, Fault, Scope, Subject};
use serde_json::{Map, json};

use crate::world::World;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn command(account: AccountId, resource: &str) -> Command {
    Command {
        account,
        name: name(resource),
        scope: Scope::Account(account),
        owner: Owner::Caller,
        parent: None,
        title: "A title".to_owned(),
        attributes: Map::new(),
    }
}

async fn register(world: &World, command: Command) -> Result<Resource, register_resource::Error> {
    let by = world.operator();
    Ok(register_resource::execute(&world.ports, &by, command).await?.0)
}

async fn a_resource_is_registered_once_changed_and_removed(world: World) {
    let boss = world.person("boss@example.com").await;
    let account = world.account("sogolytics", Some(boss), 0).await;
    let by = world.by(boss, account);
    let (folder, _) = register_resource::execute(&world.ports, &by, command(account, "folder:q1"))
        .await
        .unwrap();
    assert_eq!(folder.owner, Some(Subject::user(boss)));
    let child = Command {
        parent: Some(name("folder:q1")),
        ..command(account, "project:nps")
    };
    let made = register(&world, child.clone()).await.unwrap();
    assert!(made.revision > folder.revision);
    assert_eq!(
        register(&world, child).await.unwrap_err().code(),
        Code::AlreadyExists
    );
    let remove = |text: &str| unregister_resource::Command {
        account,
        name: name(text),
    };
    let error = unregister_resource::execute(&world.ports, &by, remove("folder:q1"))
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "NOT_EMPTY");
    let change = update_resource::Command {
        account,
        name: name("project:nps"),
        title: Some("Other".to_owned()),
        parent: Some(None),
        attributes: Map::new(),
    };
    let (changed, _) = update_resource::execute(&world.ports, &by, change).await.unwrap();
    assert_eq!(
        (changed.title.as_str(), changed.parent, changed.revision),
        ("Other", None, made.revision)
    );
    unregister_resource::execute(&world.ports, &by, remove("folder:q1"))
        .await
        .unwrap();
    let error = unregister_resource::execute(&world.ports, &by, remove("folder:q1"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

async fn what_does_not_fit_the_manifest_is_refused_with_all_its_faults(world: World) {
    let account = world.account("sogolytics", None, 0).await;
    let unknown = register(&world, command(account, "rocket:r1")).await.unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    let suite = register(&world, command(account, "user:u1")).await.unwrap_err();
    assert_eq!(suite.code(), Code::InvalidArgument);
    let attributes = json!({"no_such": 1, "nor_this": true})
        .as_object()
        .cloned()
        .unwrap();
    let parent = Some(name("rocket:r2"));
    let wrong = Command {
        attributes,
        parent,
        ..command(account, "project:p1")
    };
    let error = register(&world, wrong).await.unwrap_err();
    assert_eq!(error.violations().len(), 3, "{error}");
    let orphan = Command {
        parent: Some(name("folder:none")),
        ..command(account, "project:p1")
    };
    assert_eq!(register(&world, orphan).await.unwrap_err().code(), Code::NotFound);
}

async fn a_resource_is_never_below_itself(world: World) {
    let account = world.account("sogolytics", None, 0).await;
    register(&world, command(account, "folder:a")).await.unwrap();
    let below = |id: &str, above: &str| Command {
        parent: Some(name(above)),
        ..command(account, id)
    };
    register(&world, below("folder:b", "folder:a")).await.unwrap();
    register(&world, below("folder:c", "folder:b")).await.unwrap();
    for (parent, code) in [
        ("folder:c", Code::FailedPrecondition),
        ("folder:a", Code::InvalidArgument),
    ] {
        let change = update_resource::Command {
            account,
            name: name("folder:a"),
            title: None,
            parent: Some(Some(name(parent))),
            attributes: Map::new(),
        };
        let error = update_resource::execute(&world.ports, &world.operator(), change)
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{parent}");
    }
}

bailiwick_testkit::on_both_engines!(
    a_resource_is_registered_once_changed_and_removed,
    what_does_not_fit_the_manifest_is_refused_with_all_its_faults,
    a_resource_is_never_below_itself,
);
