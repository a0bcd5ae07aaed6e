//! Resources.

use bailiwick_authorization_core::Error;
use bailiwick_authorization_core::resource::{
    Resource, register::Register, unregister::Unregister, update::Update,
};
use bailiwick_types::{AccountId, Code, Fault, Scope, Subject};
use serde_json::json;

use crate::world::{World, name, register, update};

async fn run(world: &World, account: AccountId, register: Register) -> Result<Resource, Error> {
    world.run(&world.operator(), account, register).await
}

/// Registers below a parent.
fn below(account: AccountId, what: &str, parent: &str) -> Register {
    Register {
        parent: Some(name(parent)),
        ..register(what, &Scope::Account(account))
    }
}

async fn a_resource_is_registered_once_changed_and_removed(world: World) {
    let boss = world.person("boss@example.com").await;
    let account = world.account("sogolytics", Some(boss), 0).await;
    let by = world.by(boss, account);
    let folder = register("folder:q1", &Scope::Account(account));
    let folder = world.run(&by, account, folder).await.unwrap();
    assert_eq!(folder.owner, Some(Subject::user(boss)));
    let child = Register {
        title: "A title".to_owned(),
        ..below(account, "project:nps", "folder:q1")
    };
    let made = run(&world, account, child.clone()).await.unwrap();
    assert!(made.revision > folder.revision);
    assert_eq!(made.title, "A title");
    let again = run(&world, account, child).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    let remove = || Unregister {
        name: name("folder:q1"),
    };
    let error = world.run(&by, account, remove()).await.unwrap_err();
    assert_eq!(error.reason().as_str(), "NOT_EMPTY");
    let change = Update {
        title: Some("Other".to_owned()),
        parent: Some(None),
        ..update("project:nps")
    };
    let changed = world.run(&by, account, change).await.unwrap();
    assert_eq!(
        (changed.title.as_str(), changed.parent, changed.revision),
        ("Other", None, made.revision)
    );
    world.run(&by, account, remove()).await.unwrap();
    let error = world.run(&by, account, remove()).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

async fn what_does_not_fit_the_manifest_is_refused_with_all_its_faults(world: World) {
    let account = world.account("sogolytics", None, 0).await;
    for what in ["rocket:r1", "user:u1"] {
        let unknown = register(what, &Scope::Account(account));
        let error = run(&world, account, unknown).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument, "{what}");
    }
    let attributes = json!({"no_such": 1, "nor_this": true});
    let wrong = Register {
        attributes: attributes.as_object().cloned().unwrap(),
        ..below(account, "project:p1", "rocket:r2")
    };
    let error = run(&world, account, wrong).await.unwrap_err();
    assert_eq!(error.violations().len(), 3, "{error}");
    let orphan = below(account, "project:p1", "folder:none");
    let error = run(&world, account, orphan).await.unwrap_err();
    assert_eq!(error.code(), Code::NotFound);
}

async fn a_resource_is_never_below_itself(world: World) {
    let account = world.account("sogolytics", None, 0).await;
    for what in [
        register("folder:a", &Scope::Account(account)),
        below(account, "folder:b", "folder:a"),
        below(account, "folder:c", "folder:b"),
    ] {
        run(&world, account, what).await.unwrap();
    }
    for (parent, code) in [
        ("folder:c", Code::FailedPrecondition),
        ("folder:a", Code::InvalidArgument),
    ] {
        let change = Update {
            parent: Some(Some(name(parent))),
            ..update("folder:a")
        };
        let error = world.run(&world.operator(), account, change).await.unwrap_err();
        assert_eq!(error.code(), code, "{parent}");
    }
}

bailiwick_testkit::on_both_engines!(
    a_resource_is_registered_once_changed_and_removed,
    what_does_not_fit_the_manifest_is_refused_with_all_its_faults,
    a_resource_is_never_below_itself,
);
