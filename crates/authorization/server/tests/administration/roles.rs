//! Roles that an account defines.

use bailiwick_authorization_core::role::{create::Create, delete::Delete};
use bailiwick_policy::manifest::{EntryDecl, RoleDecl, RoleLevelDecl};
use bailiwick_types::{AccountId, Code, Fault, Level};

use crate::world::{By, World, denied};

/// An account with a superuser and an administrator.
async fn iservice(world: &World) -> (AccountId, By, By) {
    let account = world.account("iservice", None, 0).await;
    let root = world.holder("root@example.com", account, "superuser").await;
    let adam = world.holder("adam@example.com", account, "administrator").await;
    (account, world.by(root, account), world.by(adam, account))
}

fn define(name: &str, decl: RoleDecl) -> Create {
    Create {
        name: name.to_owned(),
        decl: RoleDecl {
            title: Some("Role".to_owned()),
            ..decl
        },
    }
}

async fn an_account_defines_roles_of_what_their_author_holds(world: World) {
    let (account, by_root, by_adam) = iservice(&world).await;
    let retail = world.instance(account).await;
    let role = |name: &str, level: Level, permission: &str| {
        let at = RoleLevelDecl {
            permissions: vec![EntryDecl::plain(permission)],
            assigns: Vec::new(),
        };
        let decl = RoleDecl {
            levels: [(level, at)].into(),
            ..RoleDecl::default()
        };
        define(name, decl)
    };
    let night_shift = || role("night_shift", Level::Instance, "message.view");
    world.run(&by_root, account, night_shift()).await.unwrap();
    for (by, define, code) in [
        (&by_root, night_shift(), Code::AlreadyExists),
        (
            &by_adam,
            role("backdoor", Level::Account, "*"),
            Code::PermissionDenied,
        ),
        (
            &by_root,
            role("broken", Level::Instance, "no_such.view"),
            Code::InvalidArgument,
        ),
    ] {
        let error = world.run(by, account, define).await.unwrap_err();
        assert_eq!(error.code(), code);
    }
    let adam = by_adam.subject().user_id().unwrap();
    let given = world.assign(&by_root, account, (adam, "night_shift", &retail));
    given.await.unwrap();
    let delete = || Delete {
        role: "night_shift".to_owned(),
    };
    let error = world.run(&by_root, account, delete()).await.unwrap_err();
    assert_eq!(error.reason().as_str(), "NOT_EMPTY");
    let taken = world.revoke(&by_root, account, (adam, "night_shift", &retail));
    taken.await.unwrap();
    world.run(&by_root, account, delete()).await.unwrap();
}

async fn a_role_includes_what_its_author_could_assign(world: World) {
    let (account, by_root, by_adam) = iservice(&world).await;
    let includes = |name: &str, role: &str| {
        let decl = RoleDecl {
            includes: vec![role.to_owned()],
            ..RoleDecl::default()
        };
        define(name, decl)
    };
    // A role keeps including another one when that changes: holding all of it today is not enough.
    denied(
        world
            .run(&by_adam, account, includes("up", "administrator"))
            .await,
    );
    let made = world
        .run(&by_root, account, includes("lead", "administrator"))
        .await;
    made.unwrap();
    let error = world
        .run(&by_root, account, includes("odd", "no_such_role"))
        .await;
    assert_eq!(error.unwrap_err().code(), Code::InvalidArgument);
}

bailiwick_testkit::on_both_engines!(
    an_account_defines_roles_of_what_their_author_holds,
    a_role_includes_what_its_author_could_assign,
);
