//! Roles that an account defines.

use bailiwick_authorization_core::use_case::{create_role, delete_role};
use bailiwick_policy::manifest::{EntryDecl, RoleDecl, RoleLevelDecl};
use bailiwick_types::{Code, Fault, Level, Scope};

use crate::world::World;

async fn an_account_defines_roles_of_what_their_author_holds(world: World) {
    let account = world.account("iservice", None, 0).await;
    let (at, retail) = (Scope::Account(account), world.instance(account).await);
    let root = world.member("root@example.com", account).await;
    let adam = world.member("adam@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (root, "superuser", &at))
        .await
        .unwrap();
    world
        .assign(&op, account, (adam, "administrator", &at))
        .await
        .unwrap();
    let role = |level: Level, permission: &str| {
        let permissions = vec![EntryDecl::plain(permission)];
        let at = RoleLevelDecl {
            permissions,
            assigns: Vec::new(),
        };
        RoleDecl {
            title: Some("Role".to_owned()),
            levels: [(level, at)].into(),
            ..RoleDecl::default()
        }
    };
    let define = |name: &str, decl| create_role::Command {
        account,
        name: name.to_owned(),
        decl,
    };
    let (by_root, by_adam) = (world.by(root, account), world.by(adam, account));
    let command = define("night_shift", role(Level::Instance, "message.view"));
    create_role::execute(&world.ports, &by_root, command.clone())
        .await
        .unwrap();
    let error = create_role::execute(&world.ports, &by_root, command)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::AlreadyExists);
    let command = define("backdoor", role(Level::Account, "*"));
    let error = create_role::execute(&world.ports, &by_adam, command)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::PermissionDenied);
    let command = define("broken", role(Level::Instance, "no_such.view"));
    let error = create_role::execute(&world.ports, &by_root, command)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    world
        .assign(&by_root, account, (adam, "night_shift", &retail))
        .await
        .unwrap();
    let delete = || delete_role::Command {
        account,
        role: "night_shift".to_owned(),
        validate_only: false,
    };
    let error = delete_role::execute(&world.ports, &by_root, delete())
        .await
        .unwrap_err();
    assert_eq!(error.reason().as_str(), "NOT_EMPTY");
    world
        .revoke(&by_root, account, (adam, "night_shift", &retail))
        .await
        .unwrap();
    delete_role::execute(&world.ports, &by_root, delete())
        .await
        .unwrap();
}

async fn a_role_includes_what_its_author_could_assign(world: World) {
    let account = world.account("iservice", None, 0).await;
    let at = Scope::Account(account);
    let root = world.member("root@example.com", account).await;
    let adam = world.member("adam@example.com", account).await;
    let op = world.operator();
    world
        .assign(&op, account, (root, "superuser", &at))
        .await
        .unwrap();
    world
        .assign(&op, account, (adam, "administrator", &at))
        .await
        .unwrap();
    let define = |name: &str, includes: &str| create_role::Command {
        account,
        name: name.to_owned(),
        decl: RoleDecl {
            title: Some("Role".to_owned()),
            includes: vec![includes.to_owned()],
            ..RoleDecl::default()
        },
    };
    let (by_root, by_adam) = (world.by(root, account), world.by(adam, account));
    // What it includes it goes on including when that changes: to hold all of it today is not enough.
    let up = create_role::execute(&world.ports, &by_adam, define("up", "administrator"))
        .await
        .unwrap_err();
    assert_eq!(up.code(), Code::PermissionDenied, "{up:?}");
    create_role::execute(&world.ports, &by_root, define("lead", "administrator"))
        .await
        .unwrap();
    let unknown = create_role::execute(&world.ports, &by_root, define("odd", "no_such_role")).await;
    assert_eq!(unknown.unwrap_err().code(), Code::InvalidArgument);
}

bailiwick_testkit::on_both_engines!(
    an_account_defines_roles_of_what_their_author_holds,
    a_role_includes_what_its_author_could_assign,
);
